package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// plainInterval is how often a line is written where there is no terminal.
const plainInterval = 10 * time.Second

// Bar counts steps of work. All methods may be called from several goroutines.
type Bar struct {
	mutex sync.Mutex
	note  string

	container *mpb.Progress // nil where there is no terminal
	bar       *mpb.Bar

	out         io.Writer
	name        string
	first       int // done at the beginning
	done, total int
	began, last time.Time
}

// New starts a bar of total steps, of which some may be done already.
func New(out io.Writer, name string, done, total int) *Bar {
	now := time.Now()
	b := &Bar{out: out, name: name, first: done, done: done, total: total, began: now, last: now}
	if !terminal(out) {
		return b
	}
	b.container = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
	b.bar = b.container.AddBar(int64(total),
		mpb.PrependDecorators(decor.Name(name+" "), decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(
			decor.Any(func(decor.Statistics) string { return b.currentNote() + " " }),
			decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), ""),
		),
	)
	b.bar.SetCurrent(int64(done))
	b.bar.DecoratorAverageAdjust(now)
	return b
}

// terminal reports whether out is a screen that can redraw a line.
func terminal(out io.Writer) bool {
	file, isFile := out.(*os.File)
	if !isFile || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (b *Bar) currentNote() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.note
}

// Advance says that n more steps are done, and what there is to say about them.
func (b *Bar) Advance(n int, note string) {
	b.mutex.Lock()
	b.note = note
	b.done += n
	due := b.bar == nil && (time.Since(b.last) >= plainInterval || b.done == b.total)
	if due {
		b.last = time.Now()
		b.plainLine()
	}
	b.mutex.Unlock()
	if b.bar != nil {
		b.bar.IncrBy(n)
	}
}

// plainLine writes one line; the time left is a guess from the pace so far.
func (b *Bar) plainLine() {
	line := fmt.Sprintf("%s %d/%d", b.name, b.done, b.total)
	if b.note != "" {
		line += " " + b.note
	}
	if paced := b.done - b.first; b.done < b.total && paced > 0 {
		left := time.Duration(float64(time.Since(b.began)) / float64(paced) * float64(b.total-b.done))
		line += fmt.Sprintf(" (about %v left)", left.Round(time.Second))
	}
	fmt.Fprintln(b.out, line)
}

// Print writes a line above the bar.
func (b *Bar) Print(line string) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.container != nil {
		fmt.Fprintln(b.container, line)
		return
	}
	fmt.Fprintln(b.out, line)
}

// Close ends the bar, whether it is full or not, and waits until it is drawn.
func (b *Bar) Close() {
	if b.bar != nil {
		b.bar.Abort(false) // does nothing to a full bar
		b.container.Wait()
	}
}
