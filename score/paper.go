package score

import (
	"strings"
	"unicode"

	"github.com/gowalrus/walrus/report"
)

// paperTable3 are the windows of the paper's Table 3: the logarithmic ones of a rollout of 84 steps, counted from 1.
func paperTable3() []Window { return []Window{{2, 3}, {4, 9}, {10, 27}, {28, 83}} }

// PaperProtocol is that of the paper's Tables 1, 3, 7 and 8: split test, the median over windows one step ahead, rollouts from frame 17,
// and windows that depend on whether a data set is of the pretraining.
func PaperProtocol() Protocol {
	p := DefaultProtocol()
	p.Paper, p.Windows = true, nil
	return p
}

// For is the protocol for one data set.
func (p Protocol) For(dataSet string) Protocol {
	switch {
	case !p.Paper:
	case isPretraining(dataSet):
		p.Windows = append(PretrainingWindows(), paperTable3()...)
	default:
		p.Windows = DownstreamWindows()
	}
	return p
}

// pretrainingSets are the 19 sets of the pretraining, as their folders are called.
var pretrainingSets = []string{
	"acoustic_scattering_discontinuous", "acoustic_scattering_inclusions", "acoustic_scattering_maze", "active_matter",
	"euler_multi_quadrants_periodicBC", "euler_multi_quadrants_openBC", "gray_scott_reaction_diffusion", "helmholtz_staircase", "MHD_64", "planetswe",
	"rayleigh_benard", "rayleigh_taylor_instability", "shear_flow", "supernova_explosion_128", "turbulence_gravity_cooling",
	"turbulent_radiative_layer_2D", "turbulent_radiative_layer_3D", "viscoelastic_instability", "flowbench_FPO_NS_2D_512x128_harmonics",
}

// isPretraining also takes the names in the files, which may lack what the folder adds (supernova_explosion, euler_multi_quadrants).
func isPretraining(dataSet string) bool {
	name := bare(dataSet)
	for _, set := range pretrainingSets {
		if set := bare(set); strings.HasPrefix(set, name) && len(name) > 4 || strings.HasPrefix(name, set) {
			return true
		}
	}
	return false
}

// bare is a name without case and punctuation.
func bare(name string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// publishedOneStep are medians of the VRMSE one step ahead, and those of other models.
type publishedOneStep struct {
	names  []string
	score  float64 // the fine-tuned Walrus'; 0 where none is known
	others string
}

// oneStepPublished: the downstream sets from the paper, the others are the baselines of The Well.
var oneStepPublished = []publishedOneStep{
	{[]string{"CE-RM"}, .0118, "MPP-AViT-L .1413, Poseidon-L .0769, DPOT-H .1107"},
	{[]string{"flowbench_skelenton", "flowbench_skeleton"}, .0006, "MPP-AViT-L .0222, Poseidon-L .0111, DPOT-H .0087"},
	{[]string{"PoolBoilSubcool", "bubbleML_poolBoil"}, .0617, "MPP-AViT-L .1012, Poseidon-L .0829, DPOT-H .1954"},
	{[]string{"CondINS", "pdearena_ins"}, .0040, "MPP-AViT-L .0456, Poseidon-L .0291, DPOT-H .0404"},
	{[]string{"CNS3D_64_Turb", "CNS_Turb"}, .0276, "DPOT-H .2115"},
	{[]string{"CNS3D_128_Rand", "CNS_Rand"}, .0905, "DPOT-H .2920"},
	{[]string{"active_matter"}, 0, "FNO .369, TFNO .360, U-Net .249, CNextU-Net .103"},
	{[]string{"gray_scott_reaction_diffusion"}, 0, "FNO .137, TFNO .363, U-Net .225, CNextU-Net .176"},
	{[]string{"shear_flow"}, 0, "FNO 1.189, TFNO 1.472, U-Net 3.447, CNextU-Net .808"},
	{[]string{"rayleigh_benard"}, 0, "FNO .840, TFNO .657, U-Net 1.486, CNextU-Net .670"},
	{[]string{"MHD_64"}, 0, "FNO .361, TFNO .356, U-Net .180, CNextU-Net .163"},
	{[]string{"euler_multi_quadrants_periodicBC"}, 0, "FNO .408, TFNO .416, U-Net .183, CNextU-Net .153"},
}

// jitterPublished are the paper's median errors at long horizons with and without patch jitter. Over which steps is not known here.
var jitterPublished = map[string]string{
	"acoustic_scattering_maze": ".34 / 1.07", "acoustic_scattering_inclusions": ".18 / 1.30", "acoustic_scattering_discontinuous": ".18 / 1.44",
	"helmholtz_staircase": ".01 / .27", "shear_flow": ".16 / .27", "flowbench_FPO_NS_2D_512x128_harmonics": ".07 / .27",
	"euler_multi_quadrants_openBC": ".50 / 1.82", "turbulent_radiative_layer_2D": ".75 / 76.9", "viscoelastic_instability": ".10 / .56",
}

// PaperRows has a table of one row for a data set: the medians of the VRMSE, mean over fields, one step ahead and over the windows
// as far as the data fills them, and beside them what is published.
func (r *Result) PaperRows(dataSet string) []report.Table {
	d := r.set(dataSet)
	if d == nil {
		return nil
	}
	t := report.Table{Title: d.name + ": median VRMSE, mean over fields" + r.sampled(d.name)}
	var row []report.Cell
	add := func(name string, cell report.Cell) {
		t.Columns = append(t.Columns, report.Column{Name: name})
		row = append(row, cell)
	}
	for _, s := range r.Scores() {
		if s.DataSet != d.name || s.Field != d.fields[len(d.fields)-1] || s.Metric != r.quantities[0].name {
			continue
		}
		add(heading(s.Window), report.Number(s.Model.Median).Marked(verdict(s)))
		if s.Window != OneStepName {
			continue
		}
		if p := published(d.name); p != nil {
			if p.score > 0 {
				add("published (Walrus, fine-tuned)", report.Number(p.score))
			}
			add("published (other models)", report.Text(p.others))
		}
	}
	for name, scores := range jitterPublished {
		if bare(name) == bare(d.name) {
			add("published, long horizon, with / without jitter", report.Text(scores))
		}
	}
	t.Add(row...)
	return []report.Table{t}
}

// published is what is known of a data set one step ahead; nil for nothing.
func published(dataSet string) *publishedOneStep {
	for i, p := range oneStepPublished {
		for _, name := range p.names {
			if strings.Contains(bare(dataSet), bare(name)) {
				return &oneStepPublished[i]
			}
		}
	}
	return nil
}
