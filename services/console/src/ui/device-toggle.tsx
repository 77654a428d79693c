import type { LocalDevice } from '../app/local-device.js';
import { Icon, type IconName } from './icons.js';

interface DeviceToggleProps {
  readonly device: LocalDevice;
  readonly kind: 'camera' | 'microphone';
}

const ICONS: Readonly<Record<DeviceToggleProps['kind'], readonly [on: IconName, off: IconName]>> = {
  camera: ['camera', 'cameraOff'],
  microphone: ['microphone', 'microphoneOff'],
};

const LABELS = { camera: 'Camera', microphone: 'Microphone' } as const;

export function DeviceToggle({ device, kind }: DeviceToggleProps) {
  const on = device.on.value;
  const [iconOn, iconOff] = ICONS[kind];
  return (
    <button
      type="button"
      class={`round${on ? '' : ' off'}`}
      data-testid={`toggle-${kind}`}
      role="switch"
      aria-checked={on}
      aria-label={LABELS[kind]}
      title={`${LABELS[kind]} ${on ? 'on' : 'off'}`}
      onClick={() => device.toggle()}
    >
      <Icon name={on ? iconOn : iconOff} />
    </button>
  );
}
