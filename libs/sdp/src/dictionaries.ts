/**
 * mediasoup's dictionaries, as types only: this package needs no engine to run.
 */
export type {
  DtlsFingerprint,
  DtlsParameters,
  DtlsRole,
  IceCandidate,
  IceParameters,
  MediaKind,
  RouterRtpCodecCapability,
  RtcpFeedback,
  RtpCapabilities,
  RtpCodecCapability,
  RtpCodecParameters,
  RtpEncodingParameters,
  RtpHeaderExtension,
  RtpHeaderExtensionParameters,
  RtpHeaderExtensionUri,
  RtpParameters,
  SctpParameters,
} from 'mediasoup/types';
