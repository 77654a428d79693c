import type { AudioLevelObserver, AudioLevelObserverVolume, Producer } from 'mediasoup/types';
import { Resource } from '@sluice/core';
import type { HomeRouter } from '../routers/home-router.js';
import type { FactPublisher } from '../ports.js';

/** How often who speaks is looked at: facts come at most that often. */
const INTERVAL_MS = 1_000;
/** Quieter than this, in dBov, is not speech. */
const THRESHOLD_DBOV = -60;
const SPEAKERS_MAX = 8;

/** Hears, per room and core, who speaks. Owns one observer for each as long as it has audio. */
export class Speakers {
  readonly #rooms = new Map<string, RoomSpeakers>();

  constructor(
    private readonly facts: FactPublisher,
    private readonly report: (error: unknown) => void,
  ) {}

  /** Listens to `producer` until it closes. */
  listen(room: string, home: HomeRouter, participant: string, producer: Producer): void {
    if (producer.closed || home.closed) return;
    const key = `${home.routerId}/${room}`;
    let speakers = this.#rooms.get(key);
    if (!speakers) {
      speakers = new RoomSpeakers(home, (heard) => this.facts.speakersChanged(room, heard));
      this.#rooms.set(key, speakers);
      const opened = speakers;
      opened.onClosed(() => {
        if (this.#rooms.get(key) === opened) this.#rooms.delete(key);
      });
    }
    speakers.add(participant, producer, this.report);
  }
}

interface Speaker {
  readonly participant: string;
  readonly volume: number;
}

class RoomSpeakers extends Resource {
  readonly #participants = new Map<string, string>();
  readonly #observer: Promise<AudioLevelObserver>;
  #heard: readonly Speaker[] = [];

  constructor(
    home: HomeRouter,
    private readonly onChanged: (speakers: readonly Speaker[]) => void,
  ) {
    super();
    this.#observer = home.router.createAudioLevelObserver({
      interval: INTERVAL_MS,
      threshold: THRESHOLD_DBOV,
      maxEntries: SPEAKERS_MAX,
    });
    this.#observer.then((observer) => this.#watch(observer)).catch(() => this.close());
  }

  add(participant: string, producer: Producer, report: (error: unknown) => void): void {
    this.#participants.set(producer.id, participant);
    producer.observer.once('close', () => this.#remove(producer.id));
    this.#observer
      .then((observer) => {
        if (producer.closed || observer.closed) return;
        return observer.addProducer({ producerId: producer.id });
      })
      .catch((error: unknown) => {
        // A producer that closed meanwhile needs no listener; its worker may be gone, too.
        if (!producer.closed && !this.closed) report(error);
      });
  }

  protected override release(): void {
    void this.#observer.then((observer) => observer.close()).catch(() => undefined);
  }

  #watch(observer: AudioLevelObserver): void {
    observer.on('volumes', (volumes) => this.#hear(this.#speakersOf(volumes)));
    observer.on('silence', () => this.#hear([]));
    observer.observer.once('close', () => this.close('observer closed'));
  }

  #speakersOf(volumes: readonly AudioLevelObserverVolume[]): readonly Speaker[] {
    const loudest = new Map<string, Speaker>();
    for (const { producer, volume } of volumes) {
      const participant = this.#participants.get(producer.id);
      if (participant === undefined || loudest.has(participant)) continue;
      loudest.set(participant, { participant, volume });
    }
    return [...loudest.values()];
  }

  /** Who is heard, and in which order, is news; that somebody is a little louder is none. */
  #hear(speakers: readonly Speaker[]): void {
    const same =
      speakers.length === this.#heard.length &&
      speakers.every(({ participant }, index) => participant === this.#heard[index]?.participant);
    this.#heard = speakers;
    if (!same && !this.closed) this.onChanged(speakers);
  }

  #remove(producerId: string): void {
    this.#participants.delete(producerId);
    if (this.#participants.size > 0) return;
    this.#hear([]);
    this.close('nobody left');
  }
}
