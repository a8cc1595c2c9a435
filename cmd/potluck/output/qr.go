package output

import (
	"slices"

	"rsc.io/qr"
)

// QR shows a text as a QR code, two rows to a line, in the terminal's own colours: light on dark. The border keeps cameras
// from taking what is around for a part of it.
func (o *Output) QR(text string) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		o.Say("The link is too long for a QR code.")
		return
	}
	const border = 2
	light := func(x, y int) bool { return !code.Black(x, y) }
	var picture []rune
	for y := -border; y < code.Size+border; y += 2 {
		for x := -border; x < code.Size+border; x++ {
			i := 0
			if light(x, y) {
				i |= 1
			}
			if light(x, y+1) {
				i |= 2
			}
			picture = append(picture, []rune(" ▀▄█")[i])
		}
		picture = append(picture, '\n')
	}
	o.Say("%s", string(slices.Clip(picture)))
}
