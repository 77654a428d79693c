import { useEffect, useRef } from 'preact/hooks';

interface VideoViewProps {
  readonly media: MediaStream;
  readonly label: string;
  readonly muted: boolean;
  readonly mirrored: boolean;
  /** Shown whole, as a screen must be, or filling its box. */
  readonly fit: 'contain' | 'cover';
  /** The browser does not let sound begin before the user did something. */
  readonly onBlocked?: () => void;
}

/** Plays a stream. */
export function VideoView({ media, label, muted, mirrored, fit, onBlocked }: VideoViewProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video || video.srcObject === media) return;
    video.srcObject = media;
    video.play().catch((error: unknown) => {
      if (error instanceof DOMException && error.name === 'NotAllowedError') onBlocked?.();
    });
  }, [media, onBlocked]);
  return (
    <video
      ref={element}
      class={`video ${fit}${mirrored ? ' mirrored' : ''}`}
      aria-label={label}
      muted={muted}
      autoplay
      playsInline
      disablePictureInPicture={muted}
    />
  );
}
