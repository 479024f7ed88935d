package tfevents

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Event is one number or picture as a reader of a folder finds it.
type Event struct {
	Step    int
	Tag     string
	Value   float64
	Picture []byte // encoded; nil for a number
}

// Read reads what this package has written into a folder, as TensorBoard does: all files in the order of their names, without what a restart took
// back, and without a last record that is cut short.
func Read(folder string) ([]Event, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "events.out.tfevents.*"))
	if err != nil {
		return nil, fmt.Errorf("tfevents: %w", err)
	}
	slices.Sort(paths)
	var list []Event
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("tfevents: %w", err)
		}
		for len(data) >= 12 {
			n := binary.LittleEndian.Uint64(data)
			if masked(data[:8]) != binary.LittleEndian.Uint32(data[8:]) {
				return nil, fmt.Errorf("tfevents: %s: a length with another checksum", path)
			}
			if uint64(len(data)-12) < n+4 {
				break
			}
			body := data[12 : 12+n]
			if masked(body) != binary.LittleEndian.Uint32(data[12+n:]) {
				return nil, fmt.Errorf("tfevents: %s: a record with another checksum", path)
			}
			if list, err = add(list, body); err != nil {
				return nil, fmt.Errorf("tfevents: %s: %w", path, err)
			}
			data = data[16+n:]
		}
	}
	return list, nil
}

// add appends what an event says, or takes back steps.
func add(list []Event, body []byte) ([]Event, error) {
	step := 0
	var summaries [][]byte
	restart := false
	err := each(body, func(number protowire.Number, bits uint64, bytes []byte) {
		switch number {
		case eventStep:
			step = int(bits)
		case eventSummary:
			summaries = append(summaries, bytes)
		case eventSessionLog:
			restart = true
		}
	})
	if restart {
		list = slices.DeleteFunc(list, func(e Event) bool { return e.Step >= step })
	}
	for _, summary := range summaries {
		var values [][]byte
		err = errors.Join(err, each(summary, func(_ protowire.Number, _ uint64, bytes []byte) { values = append(values, bytes) }))
		for _, v := range values {
			e := Event{Step: step}
			err = errors.Join(err, each(v, func(number protowire.Number, bits uint64, bytes []byte) {
				switch number {
				case valueTag:
					e.Tag = string(bytes)
				case valueSimple:
					e.Value = float64(math.Float32frombits(uint32(bits)))
				case valueImage:
					err = errors.Join(err, each(bytes, func(number protowire.Number, _ uint64, bytes []byte) {
						if number == imageBytes {
							e.Picture = bytes
						}
					}))
				}
			}))
			list = append(list, e)
		}
	}
	return list, err
}

// each goes through the fields of a message: numbers come as their bits.
func each(message []byte, field func(number protowire.Number, bits uint64, bytes []byte)) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var bits uint64
		var bytes []byte
		switch kind {
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(message)
		case protowire.Fixed32Type:
			var short uint32
			short, n = protowire.ConsumeFixed32(message)
			bits = uint64(short)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(message)
		case protowire.BytesType:
			bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		field(number, bits, bytes)
	}
	return nil
}
