import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Debian's: only that has GStreamer's modules. */
const PYTHON = '/usr/bin/python3';
const PROGRAM = fileURLToPath(new URL('programs/rtsp_camera.py', import.meta.url));

export interface CameraWanted {
  readonly audio?: 'none' | 'pcma' | 'aac';
  readonly profile?: 'constrained-baseline' | 'main' | 'high';
  readonly bframes?: number;
  readonly user?: string;
  readonly password?: string;
  /** The one it had before, to come back there. */
  readonly port?: number;
  /** Of this machine, on which it serves; loopback where it is not given. */
  readonly address?: string;
}

/** A camera: GStreamer's RTSP server with a test picture. Whoever starts it stops it. */
export class RtspCamera {
  private constructor(
    private readonly process: ChildProcess,
    readonly port: number,
    private readonly wanted: CameraWanted,
  ) {}

  static async start(wanted: CameraWanted = {}): Promise<RtspCamera> {
    const args = Object.entries(wanted).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn(PYTHON, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout });
    const ended = once(child, 'exit').then(() => {
      throw new Error('the RTSP server ended at once');
    });
    ended.catch(() => undefined);
    const [port] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    return new RtspCamera(child, Number(port), wanted);
  }

  get url(): string {
    const { user, password, address = '127.0.0.1' } = this.wanted;
    const credentials = user === undefined ? '' : `${user}:${password ?? ''}@`;
    return `rtsp://${credentials}${address}:${this.port}/stream`;
  }

  /** As when its plug is pulled. */
  async kill(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    this.process.kill('SIGKILL');
    await once(this.process, 'exit');
  }

  /** Another one in its place. */
  again(): Promise<RtspCamera> {
    return RtspCamera.start({ ...this.wanted, port: this.port });
  }
}
