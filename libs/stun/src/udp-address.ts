export interface UdpAddress {
  readonly ip: string;
  readonly port: number;
}
