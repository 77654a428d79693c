import type { SluiceError, StreamName } from '@sluice/core';

/** A subscription as its client knows it. */
export interface SubscriptionRef {
  readonly stream: StreamName;
  /** Shared by the subscriptions that the client put on one PeerConnection; empty for none. */
  readonly connection: string;
}

/** What a session says to its client, in order. */
export type SessionEvent =
  | {
      readonly type: 'snapshot';
      readonly publications: readonly string[];
      readonly subscriptions: readonly SubscriptionRef[];
    }
  | {
      readonly type: 'subscriptionOffered';
      /** The subscription that caused it; none where the PeerConnection itself did. */
      readonly subscription: Partial<SubscriptionRef> & Pick<SubscriptionRef, 'connection'>;
      readonly sdp: string;
    }
  | {
      readonly type: 'subscriptionEnded';
      readonly subscription: SubscriptionRef;
      readonly reason: string;
    }
  | {
      readonly type: 'trackRefused';
      readonly subscription: SubscriptionRef;
      readonly trackId: string;
      readonly mimeType: string;
    }
  | {
      /** A data channel that we opened for a subscription. */
      readonly type: 'channelOpened';
      readonly subscription: SubscriptionRef;
      readonly trackId: string;
      readonly streamId: number;
    }
  | {
      /** Something failed that no request stands behind. */
      readonly type: 'failed';
      readonly stream: StreamName;
      readonly trackId?: string;
      readonly error: SluiceError;
    }
  /** Of a publication: until it is told otherwise, a client may take it for wanted. */
  | { readonly type: 'demandChanged'; readonly purpose: string; readonly wanted: boolean }
  | { readonly type: 'move'; readonly reason: string; readonly deadlineMs: number }
  | { readonly type: 'ended'; readonly reason: string };

/** Somebody who passes a session's events on to its client. */
export interface Attachment {
  /** Resolves when a newer one took its place, or the session is over. */
  readonly over: Promise<unknown>;
  /** Idempotent. */
  detach(): void;
}

/** Who is told what a session says. */
export interface Watcher {
  readonly write: (event: SessionEvent) => void;
  readonly end: () => void;
}
