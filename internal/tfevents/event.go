package tfevents

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields that are written (tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto).
const (
	eventWallTime, eventStep, eventFileVersion, eventSummary, eventSessionLog = 1, 2, 3, 5, 7
	sessionStatus                                                             = 1
	summaryValue                                                              = 1
	valueTag, valueSimple, valueImage                                         = 1, 2, 4
	imageHeight, imageWidth, imageColours, imageBytes                         = 1, 2, 3, 4
)

const (
	fileVersion  = "brain.Event:2" // of files whose SessionLog may take steps back
	sessionStart = 1               // SessionLog.START
	coloursRGBA  = 4
)

// event begins an Event.
func event(wallTime float64, step int) []byte {
	b := protowire.AppendTag(nil, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(wallTime))
	b = protowire.AppendTag(b, eventStep, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(step))
}

func appendBytes(b []byte, field protowire.Number, value []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, value)
}

func appendNumber(b []byte, field protowire.Number, value int) []byte {
	b = protowire.AppendTag(b, field, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(value))
}

// value is a Summary.Value with its tag, to be completed.
func value(tag string) []byte { return appendBytes(nil, valueTag, []byte(tag)) }

// scalar is a Summary.Value of a number, which the format has in 32 bits.
func scalar(tag string, number float64) []byte {
	b := protowire.AppendTag(value(tag), valueSimple, protowire.Fixed32Type)
	return protowire.AppendFixed32(b, math.Float32bits(float32(number)))
}

// picture is a Summary.Value of an encoded image.
func picture(tag string, encoded []byte, width, height int) []byte {
	image := appendNumber(nil, imageHeight, height)
	image = appendNumber(image, imageWidth, width)
	image = appendNumber(image, imageColours, coloursRGBA)
	return appendBytes(value(tag), valueImage, appendBytes(image, imageBytes, encoded))
}
