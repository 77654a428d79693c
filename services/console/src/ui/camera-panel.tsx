import type { IngestRow } from '@sluice/protocol';
import { useEffect } from 'preact/hooks';
import type { Cameras } from '../app/cameras.js';
import { formatBitrate } from './format.js';
import { Icon } from './icons.js';

/** The room's cameras, for whoever may add and remove them. */
export function CameraPanel({ cameras }: { readonly cameras: Cameras }) {
  useEffect(() => cameras.follow(), [cameras]);
  const list = cameras.list.value;
  return (
    <section class="cameras" aria-labelledby="cameras-title" data-testid="cameras">
      <h3 id="cameras-title">Cameras</h3>
      {list?.length === 0 && <p class="hint">The cluster pulls none into this room.</p>}
      <ul class="stream-list">
        {list?.map((camera) => (
          <CameraRow key={camera.id} camera={camera} cameras={cameras} />
        ))}
      </ul>
      <AddCamera cameras={cameras} />
    </section>
  );
}

const STATES: Readonly<Record<IngestRow['state'], { label: string; tone: string }>> = {
  connecting: { label: 'Connecting', tone: '' },
  running: { label: 'Running', tone: ' good' },
  resting: { label: 'Resting', tone: '' },
  failed: { label: 'Failed', tone: ' bad' },
};

interface CameraRowProps {
  readonly camera: IngestRow;
  readonly cameras: Cameras;
}

function CameraRow({ camera, cameras }: CameraRowProps) {
  const { id, name, address, node, state, reason, bitrateBps, configured } = camera;
  const { label, tone } = STATES[state];
  return (
    <li class="camera-row" data-testid={`camera-${id}`}>
      <span class="camera-who">
        <strong>{name}</strong>
        <span class={`tag${tone}`} data-state={state}>
          {label}
        </span>
        <button
          type="button"
          class="plain"
          aria-label={`Remove ${name}`}
          title={configured ? 'The configuration names it' : 'Remove'}
          disabled={configured}
          onClick={() => void cameras.remove(id)}
        >
          <Icon name="close" />
        </button>
      </span>
      <span class="facts">
        <span>{address}</span>
        {node !== '' && <span>{node}</span>}
        {state === 'running' && <span>{formatBitrate(bitrateBps)}</span>}
      </span>
      {reason !== '' && <span class="camera-reason">{reason}</span>}
    </li>
  );
}

function AddCamera({ cameras }: { readonly cameras: Cameras }) {
  const add = async (form: HTMLFormElement) => {
    const fields = new FormData(form);
    const text = (name: string) => {
      const value = fields.get(name);
      return typeof value === 'string' ? value.trim() : '';
    };
    const wish = { id: text('id'), url: text('url'), onDemand: fields.has('onDemand') };
    if (await cameras.add(wish)) form.reset();
  };
  return (
    <form
      class="camera-form"
      onSubmit={(event) => {
        event.preventDefault();
        void add(event.currentTarget);
      }}
    >
      <div class="field">
        <label for="camera-id">Name of a new camera</label>
        <input
          id="camera-id"
          name="id"
          required
          pattern="[A-Za-z0-9_\-]{1,64}"
          autocomplete="off"
        />
      </div>
      <div class="field">
        <label for="camera-url">Its address, with its password</label>
        <input
          id="camera-url"
          name="url"
          type="password"
          required
          placeholder="rtsp://user:password@camera/stream"
          autocomplete="off"
        />
      </div>
      <label class="camera-choice">
        <input type="checkbox" name="onDemand" /> Only while somebody watches
      </label>
      <div role="alert">
        {cameras.problem.value && <p class="problem box">{cameras.problem.value}</p>}
      </div>
      <button type="submit" class="primary" data-testid="add-camera">
        Add
      </button>
    </form>
  );
}
