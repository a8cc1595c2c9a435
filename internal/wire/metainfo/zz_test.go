package metainfo
import ("testing";"fmt";"strings")
func BenchmarkTree(b *testing.B){
	var s strings.Builder
	for i := range 100000 { fmt.Fprintf(&s, "%sd0:d6:lengthi0eee", str(fmt.Sprintf("%05x", i))) }
	in := []byte(v2("d" + s.String() + "e"))
	b.ReportAllocs()
	for b.Loop() { ParseInfo(in) }
}
