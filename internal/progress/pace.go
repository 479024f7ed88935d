package progress

import "time"

// Pace measures how fast work goes, smoothed over the last few calls. The zero value is ready.
type Pace struct {
	last  time.Time
	speed float64
}

// Rate says that n more items are done and returns items a second; 0 at the first call.
func (p *Pace) Rate(n int) float64 {
	now := time.Now()
	if !p.last.IsZero() {
		const memory = 0.8
		speed := float64(n) / max(1e-9, now.Sub(p.last).Seconds())
		if p.speed == 0 {
			p.speed = speed
		}
		p.speed = memory*p.speed + (1-memory)*speed
	}
	p.last = now
	return p.speed
}
