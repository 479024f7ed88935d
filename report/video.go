package report

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"os/exec"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// HaveVideo reports whether ffmpeg, which Video needs, is on the PATH.
func HaveVideo() bool {
	_, err := exec.LookPath("ffmpeg")
	return err == nil
}

// Video writes an MP4 (H.264) of what Animation shows, in full colour, to path. It needs ffmpeg on the PATH; see HaveVideo.
func Video(ctx context.Context, path string, spec PanelSpec, framesPerSecond float64) error {
	program, err := exec.LookPath("ffmpeg")
	if err != nil {
		return fmt.Errorf("report: %s: video needs ffmpeg: %w; install it, or write a .gif", path, err)
	}
	m, err := newMovie(spec, framesPerSecond, 1)
	if err != nil {
		return err
	}
	file, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("report: video: %w", err)
	}
	defer file.Discard()
	// The pixel format that every player knows wants even sizes. The protocol prefix keeps an odd path from being read as an option.
	encoder := exec.CommandContext(ctx, program, "-loglevel", "error", "-nostdin", "-y",
		"-f", "rawvideo", "-pix_fmt", "rgba", "-video_size", fmt.Sprintf("%dx%d", m.width, m.height),
		"-framerate", strconv.FormatFloat(m.framesPerSecond, 'f', -1, 64), "-i", "pipe:0",
		"-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color="+hex(m.Theme.Background), "-pix_fmt", "yuv420p",
		"-c:v", "libx264", "-crf", "18", "-movflags", "+faststart", "-f", "mp4", "file:"+file.Name())
	var complaint bytes.Buffer
	encoder.Stderr = &complaint
	frames, err := encoder.StdinPipe()
	if err != nil {
		return fmt.Errorf("report: %s: %w", path, err)
	}
	if err := encoder.Start(); err != nil {
		return fmt.Errorf("report: %s: ffmpeg: %w", path, err)
	}
	failure := m.play(ctx, func(picture *image.RGBA, _, _ bool) error {
		_, err := frames.Write(picture.Pix)
		return err
	})
	if err := frames.Close(); failure == nil {
		failure = err
	}
	if err := encoder.Wait(); err != nil {
		return fmt.Errorf("report: %s: ffmpeg: %w: %s", path, err, strings.TrimSpace(complaint.String()))
	}
	if failure != nil {
		return failure
	}
	return file.Commit()
}
