// Package report turns numbers into what people look at: images and animations of fields, line plots, tables and one
// self-contained HTML page. It knows no model and no file format: fields come as field.Array, the rest as plain structs.
//
// The one idea: a picture must not flatter. Truth and prediction share one colour scale, taken from the truth; the error
// has its own scale, symmetric about zero; values beyond a scale are marked at its colour bar; what is not finite has a
// colour that no scale contains; colour maps are uniform, so that equal differences look equal.
//
// Orientation: the first axis of the arrays (x) runs to the right, the second (y) upwards, as in a textbook.
package report
