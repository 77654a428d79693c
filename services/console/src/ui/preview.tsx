import { useComputed } from '@preact/signals';
import type { LocalMedia } from '../app/local-media.js';
import { DeviceToggle } from './device-toggle.js';
import { Icon } from './icons.js';
import { VideoView } from './video-view.js';

/** How others will see you, before they do. */
export function Preview({ media }: { readonly media: LocalMedia }) {
  const { camera, microphone } = media;
  const picture = useComputed(() => camera.track.value && new MediaStream([camera.track.value]));
  const problems = [camera.problem.value, microphone.problem.value].filter(
    (problem, index, all) => problem !== undefined && all.indexOf(problem) === index,
  );
  return (
    <section class="preview" aria-label="Preview">
      <div class="preview-picture">
        {picture.value ? (
          <VideoView media={picture.value} label="Your camera" muted mirrored fit="cover" />
        ) : (
          <div class="preview-empty">
            <Icon name="cameraOff" />
            <span>Your camera is off</span>
          </div>
        )}
        <div class="preview-controls">
          <DeviceToggle device={microphone} kind="microphone" />
          <DeviceToggle device={camera} kind="camera" />
        </div>
      </div>
      <div role="status">
        {problems.map((problem) => (
          <p class="hint problem" key={problem}>
            {problem}
          </p>
        ))}
      </div>
    </section>
  );
}
