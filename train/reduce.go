package train

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/ranks"
)

// bucketNumbers is how many gradients are added up at once: enough for the network to be busy, few beside the weights.
const bucketNumbers = 16 << 20

// buckets cuts weights into lists of at most so many numbers; a larger weight is alone.
func buckets(weights []model.Weight, numbers int) (list [][]model.Weight) {
	var sum int
	for i, w := range weights {
		n := field.Volume(w.Shape)
		if i == 0 || sum+n > numbers {
			list, sum = append(list, nil), 0
		}
		last := len(list) - 1
		list[last] = append(list[last], w)
		sum += n
	}
	return list
}

// makeTogether adds up the gradients of all ranks, which are used up, and makes the step. Weights that this rank has no
// gradient of count as zero. It returns the norm of the whole gradient before clipping.
func (s *Stepper) makeTogether(ctx context.Context, gradients map[string]*engine.Value, dimensions []int, rate float64) (norm float64, err error) {
	m := s.team
	weights := s.Trained(dimensions...)
	u, err := s.sharedUpdate(weights, dimensions)
	if err != nil {
		return 0, err
	}
	var pieces []*engine.Value // of the sum, one a weight of the update
	defer func() { network.Free(pieces) }()
	var squares float64
	for _, bucket := range buckets(weights, bucketNumbers) {
		sums, err := s.reduce(bucket, gradients)
		if err != nil {
			return 0, err
		}
		for _, w := range bucket {
			n := m.size(w, m.sharding.Rank())
			if n == 0 {
				continue
			}
			shape := w.Shape
			if m.sharded() {
				shape = []int{n}
			}
			if !w.Average { // running averages are beside the norm
				squares += sumOfSquares(sums[:n])
			}
			v, err := s.Network.Engine.Upload(field.Array{Shape: shape, Data: sums[:n]})
			if err != nil {
				return 0, fmt.Errorf("train: gradient of %s: %w", w.Name, err)
			}
			pieces, sums = append(pieces, v), sums[n:]
		}
	}
	if norm, err = m.norm(squares); err != nil {
		return 0, err
	}
	used := pieces
	pieces = nil
	if err := u.apply(ctx, s, used, s.Optimizer.clipping(norm), rate); err != nil {
		return 0, err
	}
	if m.sharded() {
		err = s.gatherWeights(u, weights)
	}
	for _, w := range weights {
		s.moments[w.Name].Steps++
	}
	return norm, err
}

// clipping is the factor that brings a gradient of a norm down to the largest that is allowed.
func (o Optimizer) clipping(norm float64) float64 {
	if o.Clip == 0 {
		return 1
	}
	return min(1, o.Clip/(norm+clipEpsilon))
}

// reduce adds up the gradients of a bucket of weights and returns this rank's parts of the sums, one after the other. They are valid until
// the next call.
func (s *Stepper) reduce(bucket []model.Weight, gradients map[string]*engine.Value) ([]float32, error) {
	m := s.team
	r := m.room(bucket)
	for _, w := range bucket {
		v := gradients[w.Name]
		if v == nil {
			r.pieces(w, func(to []float32, _ int) { clear(to) })
			continue
		}
		err := v.ReadEach(func(device int, flat []float32) error { // each device has the part of its samples
			r.pieces(w, func(to []float32, from int) {
				if device == 0 {
					copy(to, flat[from:])
					return
				}
				for i := range to {
					to[i] += flat[from+i]
				}
			})
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("train: gradient of %s: %w", w.Name, err)
		}
		v.Free()
		delete(gradients, w.Name)
	}
	if err := m.sharding.ReduceScatter(r.data, r.counts, m.transport); err != nil {
		return nil, err
	}
	return r.own(), m.replicas.AllReduce(r.own(), m.transport)
}

// room is memory for a bucket, in segments: the parts that member 0 of a sharding group has of all its weights, then those of member 1.
type room struct {
	team   *team
	data   []float32
	counts []int            // of the segments
	at     map[string][]int // where the pieces of a weight begin in data
}

// room takes the memory of the bucket before.
func (m *team) room(bucket []model.Weight) room {
	r := room{team: m, counts: make([]int, m.sharding.Size()), at: map[string][]int{}}
	total := 0
	for i := range r.counts {
		for _, w := range bucket {
			r.at[w.Name] = append(r.at[w.Name], total)
			r.counts[i] += m.size(w, i)
			total += m.size(w, i)
		}
	}
	if len(m.bucket) < total {
		m.bucket = make([]float32, total)
	}
	r.data = m.bucket[:total]
	return r
}

// own is this rank's segment.
func (r room) own() []float32 {
	at, rank := 0, r.team.sharding.Rank()
	for _, n := range r.counts[:rank] {
		at += n
	}
	return r.data[at:][:r.counts[rank]]
}

// pieces visits the pieces of a weight, with where they begin in it.
func (r room) pieces(w model.Weight, visit func(piece []float32, from int)) {
	for i := range r.counts {
		from, to := r.team.piece(w, i)
		visit(r.data[r.at[w.Name][i]:][:to-from], from)
	}
}

// sumOfSquares adds up in float64, in four sums so that one addition need not wait for another.
func sumOfSquares(list []float32) float64 {
	var s [4]float64
	for ; len(list) >= 4; list = list[4:] {
		for k := range s {
			x := float64(list[k])
			s[k] += x * x
		}
	}
	for _, x := range list {
		s[0] += float64(x) * float64(x)
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// norm is the root of the squares of all members of the sharding group, added up in their order.
func (m *team) norm(squares float64) (float64, error) {
	all, err := m.sharding.Share(binary.LittleEndian.AppendUint64(nil, math.Float64bits(squares)))
	if err != nil {
		return 0, err
	}
	var sum float64
	for i, text := range all {
		if len(text) != 8 {
			return 0, fmt.Errorf("train: %s sent %d bytes for a norm; expected 8", m.sharding.Name(i), len(text))
		}
		sum += math.Float64frombits(binary.LittleEndian.Uint64(text))
	}
	return math.Sqrt(sum), nil
}

// sharedUpdate is the compiled AdamW step of this rank's parts of a list of weights.
type sharedUpdate struct {
	weights []model.Weight // of which this rank has a part
	pieces  []*engine.Value
	program *engine.Program
}

// sharedUpdate returns the compiled step for weights of data with the given numbers of axes.
func (s *Stepper) sharedUpdate(weights []model.Weight, dimensions []int) (*sharedUpdate, error) {
	m := s.team
	key := fmt.Sprint(dimensions)
	if u := m.updates[key]; u != nil {
		return u, nil
	}
	u := &sharedUpdate{}
	for _, w := range weights {
		if m.size(w, m.sharding.Rank()) > 0 {
			u.weights = append(u.weights, w)
		}
	}
	if err := u.compile(s); err != nil {
		return nil, err
	}
	m.updates[key] = u
	return u, nil
}

// compile builds the step. Its inputs are three numbers a weight (compileUpdate), the factor of clipping, then gradients, weights and
// both moments; its outputs new weights and moments. With sharding all but the weights that come in are pieces, and the weights
// stay, until the new pieces of all ranks replace them.
func (u *sharedUpdate) compile(s *Stepper) error {
	m, n := s.team, len(u.weights)
	inputs := []engine.Input{{Name: "settings", Shape: []int{n, settings}}, {Name: "clip", Shape: []int{1}}}
	for k, kind := range []string{"gradient", "weight", "first moment", "second moment"} {
		for i, w := range u.weights {
			in := engine.Input{Name: kind + " of " + w.Name, Shape: w.Shape}
			if m.sharded() && kind != "weight" {
				in.Shape = []int{m.size(w, m.sharding.Rank())}
			}
			if k > 1 || k == 1 && !m.sharded() {
				in.Into = 1 + (k-1)*n + i
			}
			inputs = append(inputs, in)
		}
	}
	var err error
	u.program, err = s.Network.Engine.CompileParallel("adamw of a rank", inputs, func(in []*Node) []*Node {
		clip, tensors := Reshape(in[1]), in[2:]
		values := tensors[n : 2*n]
		if m.sharded() {
			values = make([]*Node, n)
			for i, w := range u.weights {
				from, to := m.piece(w, m.sharding.Rank())
				values[i] = Slice(Reshape(tensors[n+i], field.Volume(w.Shape)), AxisRange(from, to))
			}
		}
		return s.Optimizer.moves(u.weights, in[0], clip, tensors[:n], values, tensors[2*n:3*n], tensors[3*n:])
	})
	return err
}

// apply makes the step on this rank's parts. The gradients are used up.
func (u *sharedUpdate) apply(ctx context.Context, s *Stepper, gradients []*engine.Value, clip, rate float64) error {
	n, e := len(u.weights), s.Network.Engine
	factor := field.Array{Shape: []int{1}, Data: []float32{float32(clip)}}
	small, err := network.Upload(e, s.Optimizer.numbers(u.weights, s.moments, rate), factor)
	if err != nil {
		network.Free(gradients)
		return err
	}
	defer network.Free(small)
	inputs := append(small[:2:2], gradients...)
	for _, w := range u.weights {
		inputs = append(inputs, s.Network.Weight(w.Name))
	}
	inputs = append(inputs, momentValues(u.weights, s.moments)...)
	donate := make([]bool, len(inputs))
	for i := 2; i < len(inputs); i++ {
		donate[i] = !s.team.sharded() || i < 2+n || i >= 2+2*n
	}
	out, err := u.program.Run(ctx, inputs, donate)
	if err != nil {
		return fmt.Errorf("train: optimizer step: %w", err)
	}
	for i, w := range u.weights {
		moments := s.moments[w.Name]
		moments.First, moments.Second = out[n+i], out[2*n+i]
		if !s.team.sharded() {
			s.Network.SetWeight(w.Name, out[i])
		}
	}
	u.pieces = out[:n]
	return nil
}

// gatherWeights puts the new weights together from the pieces of all members of the sharding group.
func (s *Stepper) gatherWeights(u *sharedUpdate, weights []model.Weight) error {
	m := s.team
	defer func() { network.Free(u.pieces) }()
	next := 0
	for _, bucket := range buckets(weights, bucketNumbers) {
		r := m.room(bucket)
		rest := r.own()
		for _, w := range bucket {
			n := m.size(w, m.sharding.Rank())
			if n == 0 {
				continue
			}
			to := rest[:n]
			rest = rest[n:]
			if err := u.pieces[next].Read(func(flat []float32) error { copy(to, flat); return nil }); err != nil {
				return fmt.Errorf("train: weight %s: %w", w.Name, err)
			}
			next++
		}
		if err := m.sharding.AllGather(r.data, r.counts, ranks.Float32); err != nil {
			return err
		}
		for _, w := range bucket {
			v, err := s.Network.Engine.Fill(w.Shape, func(to []float32) error {
				r.pieces(w, func(piece []float32, from int) { copy(to[from:], piece) })
				return nil
			})
			if err != nil {
				return fmt.Errorf("train: weight %s: %w", w.Name, err)
			}
			s.Network.Weight(w.Name).Free()
			s.Network.SetWeight(w.Name, v)
		}
	}
	return nil
}

// fillMoment makes a moment of a weight from a function that fills the whole; with sharding this rank's piece of it stays, nil if it has
// none.
func (s *Stepper) fillMoment(w model.Weight, fill func(to []float32) error) (*engine.Value, error) {
	if !s.team.sharded() {
		return s.Network.Engine.Fill(w.Shape, fill)
	}
	whole := make([]float32, field.Volume(w.Shape))
	if err := fill(whole); err != nil {
		return nil, err
	}
	from, to := s.team.piece(w, s.team.sharding.Rank())
	return s.fillPiece(w, func(piece []float32) error { copy(piece, whole[from:to]); return nil })
}

// fillPiece is fillMoment for a function that fills no more than what this rank has.
func (s *Stepper) fillPiece(w model.Weight, fill func(to []float32) error) (*engine.Value, error) {
	if !s.team.sharded() {
		return s.Network.Engine.Fill(w.Shape, fill)
	}
	n := s.team.size(w, s.team.sharding.Rank())
	if n == 0 {
		return nil, nil
	}
	return s.Network.Engine.Fill([]int{n}, fill)
}

// wholeMoment copies a moment of a weight to the host. With sharding all ranks of a group call it, and the whole is on the first alone.
func (s *Stepper) wholeMoment(w model.Weight, v *engine.Value) ([]float32, error) {
	var own []float32
	if v != nil {
		a, err := v.Array()
		if err != nil {
			return nil, err
		}
		own = a.Data
	}
	if !s.team.sharded() {
		return own, nil
	}
	parts, err := s.team.sharding.Gather(ranks.Bytes(own), 0)
	if err != nil {
		return nil, err
	}
	var whole []float32
	for _, part := range parts {
		numbers, err := ranks.Floats(part)
		if err != nil {
			return nil, err
		}
		whole = append(whole, numbers...)
	}
	return whole, nil
}
