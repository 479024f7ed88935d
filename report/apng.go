package report

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image/png"
	"io"
)

// AnimatedPNG writes what Animation does as an animated PNG, which every browser plays: lossless as the GIF, but a row of pixels that
// repeats the one above, as in every enlarged cell, takes almost no room. Programs that know PNG only show the first step.
//
// Source: W3C, Portable Network Graphics (Third Edition), sections 11.3.4 and 4.9: acTL tells the number of frames; each
// has an fcTL with its place and time; the first frame's pixels are in IDAT, the others' in fdAT.
func AnimatedPNG(ctx context.Context, w io.Writer, spec PanelSpec, framesPerSecond float64) error {
	frames, err := animate(ctx, spec, framesPerSecond)
	if err != nil {
		return err
	}
	out := apngWriter{}
	for i, f := range frames {
		if err := out.add(f, i, len(frames)); err != nil {
			return fmt.Errorf("report: animation: %w", err)
		}
	}
	out.chunk("IEND", nil)
	if _, err := w.Write(out.file.Bytes()); err != nil {
		return fmt.Errorf("report: animation: %w", err)
	}
	return nil
}

// apngWriter puts the frames, each encoded as a PNG of its own, into one file.
type apngWriter struct {
	file     bytes.Buffer
	sequence uint32 // of fcTL and fdAT chunks together
}

const (
	pngSignature   = "\x89PNG\r\n\x1a\n"
	pngChunkFrame  = 12 // length, name and checksum of a chunk
	hundredthsUnit = 100
)

// add encodes a frame and takes its chunks over.
func (a *apngWriter) add(f animationFrame, index, count int) error {
	var single bytes.Buffer
	if err := png.Encode(&single, f.image); err != nil {
		return err
	}
	if index == 0 {
		a.file.WriteString(pngSignature)
	}
	for data := single.Bytes()[len(pngSignature):]; len(data) >= pngChunkFrame; {
		size := int(binary.BigEndian.Uint32(data))
		name, body := string(data[4:8]), data[8:8+size]
		data = data[size+pngChunkFrame:]
		switch {
		case name == "IDAT" && index > 0:
			a.chunk("fdAT", append(a.next(), body...))
		case name == "IEND" || index > 0 && name != "IHDR":
			continue // the palette is that of the first frame
		case name == "IHDR":
			if index == 0 {
				a.chunk(name, body)
				const endless = 0
				a.chunk("acTL", binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(count)), endless))
			}
			a.chunk("fcTL", a.control(f))
		default:
			a.chunk(name, body)
		}
	}
	return nil
}

// control is the body of a frame's fcTL chunk: size, place, time; the frame replaces what it covers and stays.
func (a *apngWriter) control(f animationFrame) []byte {
	body := a.next()
	for _, v := range []int{f.image.Rect.Dx(), f.image.Rect.Dy(), f.image.Rect.Min.X, f.image.Rect.Min.Y} {
		body = binary.BigEndian.AppendUint32(body, uint32(v))
	}
	body = binary.BigEndian.AppendUint16(body, uint16(f.pause))
	body = binary.BigEndian.AppendUint16(body, hundredthsUnit)
	return append(body, 0, 0)
}

// next is the next sequence number, at the beginning of a chunk's body.
func (a *apngWriter) next() []byte {
	a.sequence++
	return binary.BigEndian.AppendUint32(nil, a.sequence-1)
}

// chunk writes length, name, body and checksum.
func (a *apngWriter) chunk(name string, body []byte) {
	a.file.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body))))
	named := append([]byte(name), body...)
	a.file.Write(named)
	a.file.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(named)))
}
