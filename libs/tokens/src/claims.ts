/** What a bearer may do in its room. */
export interface Grants {
  readonly publish: boolean;
  readonly subscribe: boolean;
  /** Lock, mute, remove and end. */
  readonly host: boolean;
  /** The management API, every room. */
  readonly admin: boolean;
  /** Open rooms, where only some may. */
  readonly create: boolean;
  /** Have the cluster pull streams from elsewhere, such as cameras. */
  readonly ingest: boolean;
}

export const GRANTS = [
  'publish',
  'subscribe',
  'host',
  'admin',
  'create',
  'ingest',
] as const satisfies readonly (keyof Grants)[];

/** Exactly the grants of `names`. */
export function grantsOf(names: readonly (keyof Grants)[]): Grants {
  const granted = (name: keyof Grants) => names.includes(name);
  return {
    publish: granted('publish'),
    subscribe: granted('subscribe'),
    host: granted('host'),
    admin: granted('admin'),
    create: granted('create'),
    ingest: granted('ingest'),
  };
}

/** Who a client is and what it may do, as its verified access token says. */
export interface Identity {
  /** The token's subject: the participant. */
  readonly subject: string;
  /** Shown to others; the subject where the token has none. */
  readonly name: string;
  /** The one room it is for, or `*` for any. */
  readonly room: string;
  readonly grants: Grants;
  /** Seconds since 1970, by the issuer's clock. */
  readonly expiresAtS: number;
}

/** Whether `identity` may enter `room` at all. */
export function mayEnter(identity: Pick<Identity, 'room'>, room: string): boolean {
  return identity.room === '*' || identity.room === room;
}
