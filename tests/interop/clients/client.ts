import type { Command, Reply } from '../page/commands.js';

/** Somebody else's WebRTC implementation with a small client of the main dialect around it. */
export interface InteropClient {
  /** Its name and version, as it says itself. */
  readonly version: string;
  /** @throws what the implementation says when it cannot. */
  run(command: Command): Promise<Reply>;
  /** Ends all of it. */
  stop(): Promise<void>;
}
