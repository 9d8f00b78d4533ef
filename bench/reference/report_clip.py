"""A small MP4 of FFmpeg's own test picture and tones, for packages/plugin-metrics/src/report.

    python report_clip.py ../../packages/plugin-metrics/src/report/fixtures/clip.mp4

Made with FFmpeg 5.1.9 (libx264, aac).
"""

import subprocess
import sys

subprocess.run(
    ["ffmpeg", "-v", "error", "-y"]
    + ["-f", "lavfi", "-i", "testsrc=size=96x96:rate=10:duration=1.8"]
    + ["-f", "lavfi", "-i", "sine=frequency=330:beep_factor=4:sample_rate=16000:duration=1.8"]
    + ["-c:v", "libx264", "-crf", "34", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "24k", "-movflags", "+faststart"]
    + ["-map_metadata", "-1", "-fflags", "+bitexact", sys.argv[1]],
    check=True,
)
