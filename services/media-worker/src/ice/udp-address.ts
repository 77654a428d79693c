export interface UdpAddress {
  readonly ip: string;
  readonly port: number;
}

export function keyOf({ ip, port }: UdpAddress): string {
  return `${ip} ${String(port)}`;
}
