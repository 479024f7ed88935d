package tfevents

import (
	"bytes"
	"errors"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Writer appends events to one file.
type Writer struct {
	file *os.File
	now  func() time.Time
}

// Scalar is a number under a name; a slash groups names.
type Scalar struct {
	Tag   string
	Value float64
}

// Create begins a new file in a folder. TensorBoard reads all files of the folder by the time in their names.
func Create(folder string) (*Writer, error) { return create(folder, time.Now) }

func create(folder string, now func() time.Time) (*Writer, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	time := max(now().Unix(), newest(folder)+1)
	for attempt := 0; ; attempt++ {
		// The name that TensorFlow gives: events.out.tfevents.TIME.HOST.PROCESS.NUMBER.
		path := filepath.Join(folder, fmt.Sprintf("%s%010d.%s.%d.%d", prefix, time, host, os.Getpid(), attempt))
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("tfevents: %w", err)
		}
		w := &Writer{file: file, now: now}
		if err := w.write(appendBytes(event(w.time(), 0), eventFileVersion, []byte(fileVersion))); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return w, nil
	}
}

// prefix begins the names of event files.
const prefix = "events.out.tfevents."

// newest is the latest time in the names of a folder's event files, -1 for none: a clock that was set back, and two sessions in one
// second, must not bring a new file before an older one.
func newest(folder string) int64 {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return -1 // creating a file will say why
	}
	latest := int64(-1)
	for _, e := range entries {
		rest, found := strings.CutPrefix(e.Name(), prefix)
		digits, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.ParseInt(digits, 10, 64); found && err == nil {
			latest = max(latest, n)
		}
	}
	return latest
}

func (w *Writer) time() float64 { return float64(w.now().UnixNano()) / 1e9 }

// write appends a record in one call, so that no reader sees half of one but after a crash.
func (w *Writer) write(event []byte) error {
	if _, err := w.file.Write(record(event)); err != nil {
		return fmt.Errorf("tfevents: %w", err)
	}
	return nil
}

// Restart says that what older files have of this step and later ones no longer counts: the run took up an older checkpoint.
func (w *Writer) Restart(step int) error {
	return w.write(appendBytes(event(w.time(), step), eventSessionLog, appendNumber(nil, sessionStatus, sessionStart)))
}

// Scalars appends numbers of one step.
func (w *Writer) Scalars(step int, list ...Scalar) error {
	var summary []byte
	for _, s := range list {
		summary = appendBytes(summary, summaryValue, scalar(s.Tag, s.Value))
	}
	return w.write(appendBytes(event(w.time(), step), eventSummary, summary))
}

// Picture appends a PNG.
func (w *Writer) Picture(step int, tag string, encoded []byte) error {
	config, err := png.DecodeConfig(bytes.NewReader(encoded))
	if err != nil {
		return fmt.Errorf("tfevents: picture %s: %w", tag, err)
	}
	summary := appendBytes(nil, summaryValue, picture(tag, encoded, config.Width, config.Height))
	return w.write(appendBytes(event(w.time(), step), eventSummary, summary))
}

// Close makes the file durable.
func (w *Writer) Close() error { return errors.Join(w.file.Sync(), w.file.Close()) }
