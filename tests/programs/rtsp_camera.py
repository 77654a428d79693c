"""A camera made of GStreamer's RTSP server. Prints its port once it serves, and serves until killed."""

import argparse
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

AUDIO = {
    "none": "",
    "pcma": "audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8",
    "aac": "audio/x-raw,rate=16000,channels=1 ! voaacenc ! aacparse ! rtpmp4gpay name=pay1 pt=97",
}


def launch_line(options):
    # Small, so that it keeps time where many things run beside it.
    video = (
        f"videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=15/1 "
        f"! x264enc tune={'0' if options.bframes else 'zerolatency'} speed-preset=ultrafast "
        f"bframes={options.bframes} b-adapt=false key-int-max=15 bitrate=600 "
        f"! video/x-h264,profile={options.profile} ! h264parse "
        # As many cameras do it: the parameter sets are in the description alone.
        f"! rtph264pay name=pay0 pt=96 config-interval=0 mtu=1400"
    )
    audio = AUDIO[options.audio]
    return f"( {video} {'audiotestsrc is-live=true wave=ticks ! audioconvert ! ' + audio if audio else ''} )"


def protect(server, factory, user, password):
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", default="0")
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--audio", choices=AUDIO, default="none")
    parser.add_argument("--profile", default="constrained-baseline")
    parser.add_argument("--bframes", type=int, default=0)
    parser.add_argument("--user")
    parser.add_argument("--password")
    options = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(options.address)
    server.set_service(options.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(launch_line(options))
    factory.set_shared(True)
    if options.user:
        protect(server, factory, options.user, options.password)
    server.get_mount_points().add_factory("/stream", factory)
    if server.attach(None) == 0:
        sys.exit("cannot listen")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


main()
