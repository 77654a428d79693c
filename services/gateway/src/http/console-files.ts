import { static as files, type RequestHandler } from 'express';

const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  // Not every browser counts WebSockets of the page's own host as 'self'.
  "connect-src 'self' ws: wss:",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: mediastream:",
  "style-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** The built web page. Files under assets/ have their content's hash in their name. */
export function consoleFiles(folder: string): RequestHandler {
  return files(folder, {
    dotfiles: 'ignore',
    index: 'index.html',
    redirect: false,
    setHeaders: (response, path) => {
      const hashed = /[\\/]assets[\\/]/.test(path);
      response.setHeader(
        'Cache-Control',
        hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
      );
      response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY);
      response.setHeader(
        'Permissions-Policy',
        'camera=(self), microphone=(self), display-capture=(self)',
      );
    },
  });
}
