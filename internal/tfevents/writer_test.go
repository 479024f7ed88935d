package tfevents

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The checksums of RFC 3720, B.4, masked as TensorFlow's own test has it: unmasked they are those of the RFC.
func TestChecksumsAreThoseOfTheRFC(t *testing.T) {
	for _, c := range []struct {
		data []byte
		want uint32
	}{
		{make([]byte, 32), 0x8a9136aa}, {bytes.Repeat([]byte{0xff}, 32), 0x62a8ab43},
	} {
		rotated := masked(c.data) - 0xa282ead8
		if got := rotated>>17 | rotated<<15; got != c.want {
			t.Errorf("%x; expected %x", got, c.want)
		}
	}
}

// fields reads the fields of a message, the last of each number.
func fields(t *testing.T, b []byte) map[protowire.Number][]byte {
	t.Helper()
	all := map[protowire.Number][]byte{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, kind, b)
		if size < 0 {
			t.Fatal(protowire.ParseError(size))
		}
		value := b[:size]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(value)
		}
		all[number] = value
		b = b[size:]
	}
	return all
}

func write(t *testing.T, folder string) {
	t.Helper()
	now := time.Unix(1_800_000_000, 0)
	w, err := create(folder, func() time.Time { now = now.Add(time.Second / 2); return now })
	if err != nil {
		t.Fatal(err)
	}
	square := image.NewRGBA(image.Rect(0, 0, 5, 3))
	square.Set(1, 1, color.RGBA{200, 10, 30, 255})
	var picture bytes.Buffer
	if err := png.Encode(&picture, square); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		w.Restart(7), w.Scalars(7, Scalar{"train/loss", 0.25}, Scalar{"rate", 1e-3}), w.Picture(7, "valid/waves", picture.Bytes()),
		w.Scalars(1<<40, Scalar{"train/loss", math.NaN()}), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Scalars(1); err == nil {
		t.Error("a closed file took an event")
	}
}

func TestRecordsAreFramedAndHoldWhatWasWritten(t *testing.T) {
	folder := t.TempDir()
	write(t, folder)
	files, err := filepath.Glob(filepath.Join(folder, "events.out.tfevents.1800000000.*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files %v, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var events []map[protowire.Number][]byte
	for len(data) > 0 {
		n := binary.LittleEndian.Uint64(data)
		if got := binary.LittleEndian.Uint32(data[8:]); got != masked(data[:8]) {
			t.Fatalf("checksum of a length %x", got)
		}
		body := data[12 : 12+n]
		if got := binary.LittleEndian.Uint32(data[12+n:]); got != masked(body) {
			t.Fatalf("checksum of a record %x", got)
		}
		events = append(events, fields(t, body))
		data = data[16+n:]
	}
	if len(events) != 5 || string(events[0][eventFileVersion]) != "brain.Event:2" {
		t.Fatalf("%d events, first %q", len(events), events[0][eventFileVersion])
	}
	if got := fields(t, events[1][eventSessionLog])[sessionStatus]; !bytes.Equal(got, []byte{sessionStart}) {
		t.Errorf("session %v", got)
	}
	step, _ := protowire.ConsumeVarint(events[4][eventStep])
	if step != 1<<40 {
		t.Errorf("step %d", step)
	}
	value := fields(t, fields(t, events[2][eventSummary])[summaryValue])
	rate, _ := protowire.ConsumeFixed32(value[valueSimple])
	if string(value[valueTag]) != "rate" || math.Float32frombits(rate) != 1e-3 {
		t.Errorf("scalar %q", value)
	}
	picture := fields(t, fields(t, fields(t, events[3][eventSummary])[summaryValue])[valueImage])
	if _, err := png.Decode(bytes.NewReader(picture[imageBytes])); err != nil || picture[imageWidth][0] != 5 || picture[imageHeight][0] != 3 {
		t.Errorf("picture %v: %v", picture, err)
	}
}

// TestTensorBoardReadsItBack asks the TensorBoard package of the Python that WALRUS_TENSORBOARD_PYTHON names.
func TestTensorBoardReadsItBack(t *testing.T) {
	python := os.Getenv("WALRUS_TENSORBOARD_PYTHON")
	if python == "" {
		t.Skip("WALRUS_TENSORBOARD_PYTHON names no Python that has the package tensorboard")
	}
	folder := t.TempDir()
	write(t, folder)
	script := `
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "images": 0})
a.Reload()
for tag in sorted(a.Tags()["scalars"]): print(tag, [(e.step, round(e.value, 6)) for e in a.Scalars(tag)])
for tag in a.Tags()["images"]: print(tag, [(e.step, e.width, e.height) for e in a.Images(tag)])
`
	out, err := exec.Command(python, "-c", script, folder).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := "rate [(7, 0.001)]\ntrain/loss [(7, 0.25), (1099511627776, nan)]\nvalid/waves [(7, 5, 3)]"
	if got := strings.TrimSpace(string(out)); got != want {
		t.Errorf("TensorBoard reads\n%s\nwant\n%s", got, want)
	}
}

// TensorBoard reads the files of a folder by their names: what a resumed run says must come after what the run said before.
func TestAClockThatWasSetBackKeepsTheOrderOfFiles(t *testing.T) {
	folder := t.TempDir()
	var names []string
	for _, at := range []int64{1_800_000_000, 1_700_000_000, 1_700_000_000} {
		w, err := create(folder, func() time.Time { return time.Unix(at, 0) })
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, w.file.Name())
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("files in the order of their making: %v", names)
	}
}
