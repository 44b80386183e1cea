package sessions

import (
	"fmt"
	"os"
	"reflect"
	"testing"
)

// TestMain: what sessions have in common that nothing is known of is as empty behind all tests as
// it was before.
func TestMain(m *testing.M) {
	status := m.Run()
	nothing := link{ipv6cp: &unasked, ccp: &unasked, ecp: &unasked}
	if !reflect.DeepEqual(silent, nothing) || !reflect.DeepEqual(unasked, layer{}) || !reflect.DeepEqual(common, rare{}) {
		fmt.Println("something was written to silent, unasked or common")
		status = 1
	}
	os.Exit(status)
}
