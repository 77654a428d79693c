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
  RtpCapabilities,
  RtpCodecCapability,
  RtpEncodingParameters,
  RtpHeaderExtensionParameters,
  RtpParameters,
  SctpParameters,
} from 'mediasoup/types';
