const POLL_INTERVAL_MS = 25;

/**
 * Waits until `probe` returns undefined. It returns a reason, or throws, as long as it is not so;
 * a time-out fails with the last reason.
 */
export async function eventually(
  probe: () => Promise<string | undefined> | string | undefined,
  timeoutMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    const reason = await reasonOf(probe);
    if (reason === undefined) return;
    if (performance.now() > endMs) {
      throw new Error(`still not so after ${String(timeoutMs)} ms: ${reason}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

async function reasonOf(
  probe: () => Promise<string | undefined> | string | undefined,
): Promise<string | undefined> {
  try {
    return await probe();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
