package report

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/gif"
	"image/png"
	"testing"
)

// chunkOf is one chunk of a PNG file.
type chunkOf struct {
	name string
	body []byte
}

// readChunks takes a PNG file apart and checks every checksum.
func readChunks(t *testing.T, file []byte) []chunkOf {
	t.Helper()
	if !bytes.HasPrefix(file, []byte(pngSignature)) {
		t.Fatalf("the file begins with %x", file[:min(8, len(file))])
	}
	var chunks []chunkOf
	for data := file[len(pngSignature):]; len(data) > 0; {
		size := int(binary.BigEndian.Uint32(data))
		if got, want := crc32.ChecksumIEEE(data[4:8+size]), binary.BigEndian.Uint32(data[8+size:]); got != want {
			t.Errorf("chunk %s: checksum %x, stored %x", data[4:8], got, want)
		}
		chunks = append(chunks, chunkOf{string(data[4:8]), data[8 : 8+size]})
		data = data[size+pngChunkFrame:]
	}
	return chunks
}

// Each frame, taken out of the animation and read as a PNG of its own, is the GIF's.
func TestAnimatedPNGHasTheFramesOfTheGIF(t *testing.T) {
	truth, prediction := ramp(1, 5, 16, 16, 2)
	spec := PanelSpec{Title: "test", Fields: []string{"a", "b"}, Truth: truth, Prediction: prediction, FirstStep: 1}
	var asGIF, asPNG bytes.Buffer
	if err := Animation(context.Background(), &asGIF, spec, 10); err != nil {
		t.Fatal(err)
	}
	if err := AnimatedPNG(context.Background(), &asPNG, spec, 10); err != nil {
		t.Fatal(err)
	}
	movie, err := gif.DecodeAll(&asGIF)
	if err != nil {
		t.Fatal(err)
	}
	if first, err := png.Decode(bytes.NewReader(asPNG.Bytes())); err != nil || !samePixels(first, movie.Image[0]) {
		t.Errorf("a reader of plain PNGs does not get the first step: %v", err)
	}
	chunks := readChunks(t, asPNG.Bytes())
	if chunks[1].name != "acTL" || binary.BigEndian.Uint32(chunks[1].body) != 5 || binary.BigEndian.Uint32(chunks[1].body[4:]) != 0 {
		t.Errorf("second chunk %s % x, want acTL with 5 frames for ever", chunks[1].name, chunks[1].body)
	}
	var frames []image.Image
	var places []image.Point
	var single apngWriter // the frame that is being put together
	finish := func() {
		if single.file.Len() == 0 {
			return
		}
		single.chunk("IEND", nil)
		frame, err := png.Decode(&single.file)
		if err != nil {
			t.Fatalf("frame %d: %v", len(frames)+1, err)
		}
		frames = append(frames, frame)
	}
	var header, palette []byte
	sequence := uint32(0)
	count := func(body []byte) {
		if got := binary.BigEndian.Uint32(body); got != sequence {
			t.Errorf("sequence number %d, want %d", got, sequence)
		}
		sequence++
	}
	for _, c := range chunks {
		switch c.name {
		case "IHDR":
			header = c.body
		case "fcTL":
			finish()
			count(c.body)
			if hundredths := binary.BigEndian.Uint16(c.body[20:]); int(hundredths) != movie.Delay[len(places)] || binary.BigEndian.Uint16(c.body[22:]) != 100 {
				t.Errorf("frame %d stays %d/%d s, want %d/100", len(places)+1, hundredths, binary.BigEndian.Uint16(c.body[22:]), movie.Delay[len(places)])
			}
			places = append(places, image.Pt(int(binary.BigEndian.Uint32(c.body[12:])), int(binary.BigEndian.Uint32(c.body[16:]))))
			single = apngWriter{}
			single.file.WriteString(pngSignature)
			single.chunk("IHDR", append(bytes.Clone(c.body[4:12]), header[8:]...))
			if palette != nil {
				single.chunk("PLTE", palette)
			}
		case "PLTE":
			palette = c.body
			single.chunk("PLTE", palette)
		case "IDAT":
			single.chunk("IDAT", c.body)
		case "fdAT":
			count(c.body)
			single.chunk("IDAT", c.body[4:])
		}
	}
	finish()
	if len(frames) != len(movie.Image) {
		t.Fatalf("%d frames, want %d", len(frames), len(movie.Image))
	}
	for i, frame := range frames {
		if want := movie.Image[i]; places[i] != want.Rect.Min || !samePixels(frame, want) {
			t.Errorf("frame %d at %v of %v differs from the GIF's %v", i+1, places[i], frame.Bounds(), want.Rect)
		}
	}
}

// samePixels compares two pictures wherever they lie.
func samePixels(a, b image.Image) bool {
	if a.Bounds().Size() != b.Bounds().Size() {
		return false
	}
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			p, q := a.Bounds().Min, b.Bounds().Min
			if at(a, p.X+x, p.Y+y) != at(b, q.X+x, q.Y+y) {
				return false
			}
		}
	}
	return true
}
