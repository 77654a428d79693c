import type { Signal } from '@preact/signals';
import type { Entrance } from '../app/entrance.js';
import type { PictureCodec } from '../client/index.js';

const NAME_LONGEST = 128;

export function JoinForm({ entrance }: { readonly entrance: Entrance }) {
  const { name, room, claims, joining, problem } = entrance;
  const fixedName = claims.value !== undefined && !claims.value.admin;
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void entrance.join();
      }}
    >
      <TextField
        id="name"
        label="Your name"
        value={name}
        readOnly={fixedName}
        hint={fixedName ? 'Your token says who you are.' : undefined}
        autocomplete="name"
      />
      <TextField
        id="room"
        label="Room"
        value={room}
        readOnly={claims.value?.room !== undefined}
        hint={claims.value?.room === undefined ? undefined : 'Your token is for this room.'}
        autocomplete="off"
      />
      <CodecField entrance={entrance} />
      <TokenField entrance={entrance} />
      <div role="alert">{problem.value && <p class="problem box">{problem.value}</p>}</div>
      <button class="primary" type="submit" data-testid="join" disabled={joining.value}>
        {joining.value ? 'Joining…' : 'Join'}
      </button>
    </form>
  );
}

interface TextFieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: Signal<string>;
  readonly readOnly: boolean;
  readonly hint: string | undefined;
  readonly autocomplete: string;
}

function TextField({ id, label, value, readOnly, hint, autocomplete }: TextFieldProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        name={id}
        data-testid={id}
        type="text"
        required
        maxLength={NAME_LONGEST}
        autocomplete={autocomplete}
        spellcheck={false}
        readOnly={readOnly}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        value={value.value}
        onInput={(event) => (value.value = event.currentTarget.value)}
      />
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

const CODEC_LABELS: Readonly<Record<PictureCodec, string>> = {
  VP8: 'VP8, in several sizes at once (simulcast)',
  VP9: 'VP9, in layers (SVC)',
  AV1: 'AV1, in layers (SVC)',
};

function CodecField({ entrance }: { readonly entrance: Entrance }) {
  const { codec, codecs } = entrance;
  return (
    <div class="field">
      <label for="codec">Pictures are sent as</label>
      <select
        id="codec"
        name="codec"
        data-testid="codec"
        value={codec.value}
        onChange={({ currentTarget: { value } }) => {
          codec.value = codecs.find((known) => known === value) ?? codec.peek();
        }}
      >
        {codecs.map((name) => (
          <option key={name} value={name}>
            {CODEC_LABELS[name]}
          </option>
        ))}
      </select>
    </div>
  );
}

/** Open where a token is needed; a link brings one along. */
function TokenField({ entrance }: { readonly entrance: Entrance }) {
  const { token, claims } = entrance;
  const usable = claims.value !== undefined;
  return (
    <details class="token" open={!usable}>
      <summary>
        Access token <span class={usable ? 'tag good' : 'tag'}>{usable ? 'ready' : 'needed'}</span>
      </summary>
      <div class="field">
        <label class="hidden" for="token">
          Access token
        </label>
        <textarea
          id="token"
          name="token"
          data-testid="token"
          rows={3}
          required
          autocomplete="off"
          spellcheck={false}
          placeholder="Paste it here, or open the link that you were given."
          value={token.value}
          onInput={(event) => {
            token.value = event.currentTarget.value;
            entrance.accept({});
          }}
        />
      </div>
    </details>
  );
}
