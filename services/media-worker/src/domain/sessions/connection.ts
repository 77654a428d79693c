import type {
  DtlsParameters,
  IceParameters,
  RtpCapabilities,
  WebRtcTransport,
  WebRtcTransportOptions,
} from 'mediasoup/types';
import { Resource, SluiceError, type Clock, type ResourceEvents, type Timer } from '@sluice/core';
import {
  Negotiation,
  readRemoteIce,
  writeIceFragment,
  type AnswerDecisions,
  type IceFragment,
  type LocalTransport,
  type OfferHints,
  type OfferReceived,
  type RemoteCandidate,
} from '@sluice/sdp';
import type { HomeRouter } from '../routers/home-router.js';
import type { IceFront, OpenIceFront } from './ice-front.js';
import { LinkProbes } from './link-probes.js';
import { DataChannels } from '../data/data-channels.js';
import type { DataRate } from '../data/data-rate.js';
import { Establishment, type Direction, type JoinObserver } from './join-phases.js';

export interface ConnectionSettings {
  readonly clock: Clock;
  readonly connectMs: number;
  readonly iceLossMs: number;
  /** Seconds without a valid STUN request after which ICE counts as lost. */
  readonly iceConsentTimeoutSeconds: number;
  /** Where bandwidth estimation towards the client starts, in bits per second. */
  readonly initialOutgoingBps: number;
  /** What the estimation never falls below, in bits per second. */
  readonly minOutgoingBps: number;
  /** What a client may send on all data channels of its connections, together. */
  readonly dataRate: DataRate;
  /** What a client may send on one connection, in bits per second. */
  readonly maxIncomingBps: number;
  readonly joins: JoinObserver;
  /** Where we dial: makes what stands in front of each transport. */
  readonly dial?: OpenIceFront | undefined;
  /** Told when the other side of a connection is gone, or never came. */
  readonly onLost?: ((reason: string) => void) | undefined;
}

export interface ConnectionEvents extends ResourceEvents {
  /** DTLS is up: media flows from now on. */
  connected: [];
  /** SCTP is up. */
  dataConnected: [];
}

/** A client may receive a whole room on one PeerConnection. */
const SUBSCRIBING_LIMITS = { mLines: 256, sdpBytes: 256 * 1024 };

export interface ConnectionOptions {
  /** Whether it may carry data channels. */
  readonly sctp?: boolean;
  /** In the numbering of the client where it sets that; else the router's own. */
  readonly routerRtpCapabilities?: RtpCapabilities;
}

/** Which side made a description of the other one. */
export type DescriptionType = 'offer' | 'answer';

/** What became of ICE that the client updated by a fragment of SDP. */
export type IceUpdate =
  | { readonly kind: 'stale' | 'trickled' }
  | { readonly kind: 'restarted'; readonly fragment: string; readonly usernameFragment: string };

/** A transport, and what stands before it where we dial. */
interface Reachable {
  readonly transport: WebRtcTransport;
  readonly front: IceFront | undefined;
}

/**
 * What waits for a client that reads slowly: all of it, and of one channel. It is more than anybody
 * may send at once. With more waiting, what may be lost is lost, and other channels are closed.
 */
const SCTP_BUFFERS = {
  sctpSendBufferSize: 8 * 1024 * 1024,
  sctpPerStreamSendQueueLimit: 4 * 1024 * 1024,
};
/** Data channels that a client may have open on one PeerConnection. */
const CLIENT_CHANNELS_MAX = 16;

export function connectionLost(): SluiceError {
  return new SluiceError('UNAVAILABLE', 'the connection was lost');
}

/**
 * One PeerConnection of a client: a WebRtcTransport on the session's home router and the
 * negotiation that describes it. It ends when the client closes it (DTLS says so), when DTLS fails
 * or never comes up, and when ICE stays lost.
 */
export class Connection extends Resource<ConnectionEvents> {
  readonly transport: WebRtcTransport;
  readonly #front: IceFront | undefined;
  #connecting = false;
  #connectTimer: Timer | undefined;
  #iceTimer: Timer | undefined;
  readonly #establishment: Establishment;
  /** Whether the client's link has become wider. */
  readonly probes: LinkProbes;
  #data: DataChannels | undefined;
  #openingData: Promise<DataChannels> | undefined;

  private constructor(
    private readonly home: HomeRouter,
    private readonly begun: { readonly direction: Direction; readonly openedAtMs: number },
    { transport, front }: Reachable,
    readonly negotiation: Negotiation,
    private readonly settings: ConnectionSettings,
  ) {
    super();
    this.transport = transport;
    this.#front = front;
    if (front) this.own(front);
    front?.onClosed((reason) => this.#lose(reason));
    this.probes = new LinkProbes(home.router, transport, settings.clock);
    const { onPhase } = settings.joins;
    this.#establishment = new Establishment((phase, ms) => onPhase(begun.direction, phase, ms));
    transport.on('dtlsstatechange', (state) => {
      if (state === 'connected') this.#onConnected();
      else if (state === 'failed' || state === 'closed') this.#lose(`dtls ${state}`);
    });
    transport.on('icestatechange', (state) => {
      if (state === 'disconnected') this.#onIceLost();
      else this.#onIceBack();
    });
    transport.observer.once('close', () => this.close('transport closed'));
  }

  static async open(
    home: HomeRouter,
    direction: Direction,
    settings: ConnectionSettings,
    { sctp = true, routerRtpCapabilities = home.router.rtpCapabilities }: ConnectionOptions = {},
  ): Promise<Connection> {
    const openedAtMs = settings.clock.nowMs();
    const transport = await createTransport(home, {
      webRtcServer: home.webRtcServer,
      enableUdp: true,
      enableTcp: true,
      preferUdp: true,
      iceConsentTimeout: settings.iceConsentTimeoutSeconds,
      initialAvailableOutgoingBitrate: settings.initialOutgoingBps,
      ...(sctp && { enableSctp: true, ...SCTP_BUFFERS }),
    });
    await setBounds(transport, direction, settings);
    const front = await openFront(transport, settings);
    settings.joins.onPhase(direction, 'transport', settings.clock.nowMs() - openedAtMs);
    const negotiation = new Negotiation({
      transport: front ? described(transport, front) : transport,
      routerRtpCapabilities,
      bothWays: direction === 'duplex',
      probator: direction === 'subscribing',
      ...(direction !== 'publishing' && { limits: SUBSCRIBING_LIMITS }),
    });
    const reachable = { transport, front };
    return new Connection(home, { direction, openedAtMs }, reachable, negotiation, settings);
  }

  /** Its data channels, from when they were negotiated. */
  get data(): DataChannels | undefined {
    return this.#data;
  }

  /** When a client's wish began to make it. */
  get openedAtMs(): number {
    return this.begun.openedAtMs;
  }

  get connected(): boolean {
    return this.transport.dtlsState === 'connected';
  }

  /** Gives DTLS the client's side; `undefined` when the client said nothing new. */
  async connect(dtlsParameters: DtlsParameters | undefined): Promise<void> {
    if (!dtlsParameters) return;
    if (this.#connecting) {
      throw new SluiceError('INVALID_ARGUMENT', 'a PeerConnection keeps its DTLS fingerprint');
    }
    this.#connecting = true;
    this.#establishment.described(this.settings.clock.nowMs());
    this.#connectTimer = this.settings.clock.after(this.settings.connectMs, () =>
      this.#lose('never connected'),
    );
    await this.transport.connect({ dtlsParameters });
  }

  /**
   * Answers an offer of the client: `admit` runs once the offer is known to be good and before
   * anything is changed, `take` changes what it says.
   *
   * @throws {SdpError} or {SluiceError}, and then the negotiation is as it was.
   */
  async answerOffer(
    sdp: string,
    admit: (offer: OfferReceived) => Promise<void>,
    take: (offer: OfferReceived) => Promise<AnswerDecisions>,
    hints?: OfferHints,
  ): Promise<string> {
    const { negotiation } = this;
    const offer = negotiation.receiveOffer(sdp, hints);
    try {
      await admit(offer);
      this.meet(sdp, 'offer');
      await this.connect(offer.connect);
      const iceParameters = offer.iceRestart ? await this.restartIce() : undefined;
      return negotiation.answer({ iceParameters, ...(await take(offer)) });
    } catch (error) {
      negotiation.refuseOffer();
      throw this.closed ? connectionLost() : error;
    }
  }

  /**
   * Listens for data channels, once DTLS knows the client's side.
   *
   * @throws {SluiceError} UNAVAILABLE.
   */
  async openData(): Promise<DataChannels> {
    this.#openingData ??= DataChannels.open(this.home, this.transport, {
      clock: this.settings.clock,
      clientIsDtlsServer: this.transport.dtlsParameters.role === 'client',
      clientChannelsMax: CLIENT_CHANNELS_MAX,
      rate: this.settings.dataRate,
    });
    try {
      const data = await this.#openingData;
      if (!this.#data) {
        this.#data = this.own(data);
        data.on('connected', () => this.emit('dataConnected'));
        if (data.connected) this.emit('dataConnected');
      }
      return data;
    } catch (error) {
      throw this.closed ? connectionLost() : error;
    }
  }

  restartIce(): Promise<IceParameters> {
    return this.#front ? Promise.resolve(this.#front.restart()) : this.transport.restartIce();
  }

  /** Where we dial: what a description of the other side, which was found good, says of ICE. */
  meet(sdp: string, type: DescriptionType): void {
    if (!this.#front) return;
    const remote = readRemoteIce(sdp, this.negotiation.options.limits);
    if (remote) this.#front.meet(remote, type === 'offer');
  }

  /** Of use only where we dial. */
  addCandidate(candidate: RemoteCandidate): void {
    this.#front?.addCandidate(candidate);
  }

  /**
   * Takes what the client says of its ICE; where it restarts, says ours.
   *
   * @param known which credentials of ours the client knows, or `*`.
   */
  async updateIce(known: string, fragment: IceFragment): Promise<IceUpdate> {
    const { transport, negotiation } = this;
    const { usernameFragment } = transport.iceParameters;
    if (known !== '*' && known !== usernameFragment) return { kind: 'stale' };
    const { credentials } = fragment;
    if (!credentials || negotiation.hasIce(credentials)) return { kind: 'trickled' };
    const iceParameters = await this.restartIce();
    negotiation.restartIceBeside(credentials, iceParameters);
    const written = writeIceFragment(iceParameters, transport.iceCandidates, fragment);
    return {
      kind: 'restarted',
      fragment: written,
      usernameFragment: iceParameters.usernameFragment,
    };
  }

  protected override release(reason: string): void {
    this.settings.joins.onConnectionClosed(this.begun.direction, reason);
    this.#connectTimer?.cancel();
    this.#iceTimer?.cancel();
    this.transport.close();
  }

  #onConnected(): void {
    this.#connectTimer?.cancel();
    this.#establishment.dtlsConnected(this.settings.clock.nowMs());
    this.emit('connected');
  }

  #onIceLost(): void {
    this.#iceTimer ??= this.settings.clock.after(this.settings.iceLossMs, () =>
      this.#lose('ice lost'),
    );
  }

  #lose(reason: string): void {
    if (this.closed) return;
    this.close(reason);
    this.settings.onLost?.(reason);
  }

  #onIceBack(): void {
    this.#establishment.iceConnected(this.settings.clock.nowMs());
    this.#iceTimer?.cancel();
    this.#iceTimer = undefined;
  }
}

async function createTransport(
  home: HomeRouter,
  options: WebRtcTransportOptions,
): Promise<WebRtcTransport> {
  try {
    return await home.router.createWebRtcTransport(options);
  } catch (error) {
    if (!home.closed) throw error;
    throw new SluiceError('UNAVAILABLE', 'the media worker has died', {}, { cause: error });
  }
}

async function openFront(
  transport: WebRtcTransport,
  { dial }: ConnectionSettings,
): Promise<IceFront | undefined> {
  try {
    return await dial?.(transport);
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** The transport as the other side of a connection that we dial is to see it. */
function described(transport: WebRtcTransport, front: IceFront): LocalTransport {
  const { dtlsParameters, sctpParameters } = transport;
  const { iceParameters, iceCandidates } = front;
  return { iceParameters, iceCandidates, dtlsParameters, sctpParameters };
}

async function setBounds(
  transport: WebRtcTransport,
  direction: Direction,
  { maxIncomingBps, minOutgoingBps }: ConnectionSettings,
): Promise<void> {
  try {
    if (direction !== 'subscribing') await transport.setMaxIncomingBitrate(maxIncomingBps);
    if (direction !== 'publishing') await transport.setMinOutgoingBitrate(minOutgoingBps);
  } catch (error) {
    transport.close();
    throw error;
  }
}
