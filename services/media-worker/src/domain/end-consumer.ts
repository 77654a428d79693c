/**
 * Closes what consumes `producer`. Where that has ended the worker has closed its consumers by
 * itself, and they hear of it in a moment: the worker would not know whom it is asked to close.
 */
export function endConsumer(
  consumer: { close(): void },
  producer: { readonly closed: boolean },
): void {
  if (!producer.closed) consumer.close();
}
