import type { Notices } from '../app/notices.js';
import { Icon } from './icons.js';

export function NoticeList({ notices }: { readonly notices: Notices }) {
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.shown.value.map(({ id, text }) => (
        <div class="notice" key={id}>
          <span>{text}</span>
          <button
            type="button"
            class="plain"
            aria-label="Dismiss"
            onClick={() => notices.dismiss(id)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
