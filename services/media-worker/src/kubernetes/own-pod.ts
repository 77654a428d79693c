import { readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { SluiceError } from '@sluice/core';

export interface OwnPod {
  /** Such as https://kubernetes.default.svc */
  readonly apiUrl: string;
  readonly namespace: string;
  readonly name: string;
  /** Where the account's `token` and the authority's `ca.crt` are. */
  readonly accountFolder: string;
}

const COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';
const TIMEOUT_MS = 5_000;

/**
 * Writes this pod's deletion cost. Token and authority are read each time: Kubernetes changes them.
 *
 * @throws {SluiceError} PERMISSION_DENIED when the account may not, UNAVAILABLE otherwise.
 */
export async function writeDeletionCost(pod: OwnPod, cost: number): Promise<void> {
  const [token, ca] = await Promise.all(
    ['token', 'ca.crt'].map((file) => readFile(join(pod.accountFolder, file), 'utf8')),
  );
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}`;
  const body = JSON.stringify({ metadata: { annotations: { [COST_ANNOTATION]: String(cost) } } });
  const status = await patch(new URL(path, pod.apiUrl), { token: token?.trim() ?? '', ca, body });
  if (status === 401 || status === 403) {
    throw new SluiceError('PERMISSION_DENIED', 'this pod’s account may not patch it', { status });
  }
  if (status < 200 || status > 299) {
    throw new SluiceError('UNAVAILABLE', 'the API server did not take it', { status });
  }
}

/** `fetch` takes no authority of our choice. */
function patch(
  url: URL,
  { token, ca, body }: { token: string; ca: string | undefined; body: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      Authorization: `Bearer ${token}`,
      'Content-Type': 'application/merge-patch+json',
      'Content-Length': Buffer.byteLength(body),
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const sent = request(
      url,
      { method: 'PATCH', ca, headers, signal, agent: false },
      (response) => {
        // What it says is of no use, and must not be kept.
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    sent.once('error', (cause) => {
      const unavailable = 'the API server cannot be reached';
      reject(new SluiceError('UNAVAILABLE', unavailable, {}, { cause }));
    });
    sent.end(body);
  });
}
