interface Remedies {
  /** Asks for new ICE credentials on the same PeerConnection. */
  restartIce(): Promise<void>;
  /** Makes a new PeerConnection in place of this one. */
  replace(): Promise<void>;
}

/** How long a connection may be without contact before ICE is restarted. */
const DISCONNECTED_MS = 3_000;
/** How long a restart may take before the PeerConnection is given up. */
const RESTART_MS = 6_000;

/**
 * Watches one PeerConnection: restarts ICE when contact is lost, and has it replaced when that does
 * not help. Returns a function that ends the watch.
 */
export function guard(connection: RTCPeerConnection, remedies: Remedies): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;

  // A remedy that fails leaves the connection as it is: without signaling none is possible, and
  // whoever brings signaling back looks at the connections again.
  const attempt = (remedy: Promise<void>) => void remedy.catch(() => undefined);
  const replace = () => {
    stop();
    attempt(remedies.replace());
  };
  const restart = () => {
    timer = setTimeout(replace, RESTART_MS);
    attempt(remedies.restartIce());
  };
  const check = () => {
    const state = connection.connectionState;
    if (state === 'connected') {
      clearTimeout(timer);
      timer = undefined;
    } else if ((state === 'failed' || state === 'disconnected') && timer === undefined) {
      timer = setTimeout(restart, state === 'failed' ? 0 : DISCONNECTED_MS);
    }
  };
  const stop = () => {
    clearTimeout(timer);
    connection.removeEventListener('connectionstatechange', check);
  };
  connection.addEventListener('connectionstatechange', check);
  return stop;
}

/** Resolves when media can flow; false when it does not within `timeoutMs` or never will. */
export function connected(connection: RTCPeerConnection, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (outcome: boolean) => {
      clearTimeout(timer);
      connection.removeEventListener('connectionstatechange', check);
      resolve(outcome);
    };
    const check = () => {
      if (connection.connectionState === 'connected') settle(true);
      if (connection.connectionState === 'closed') settle(false);
    };
    const timer = setTimeout(() => settle(false), timeoutMs);
    connection.addEventListener('connectionstatechange', check);
    check();
  });
}
