package esp

// Auth is a row of the table of authentication algorithms.
type Auth struct {
	Name    string // as in "hmac-sha1-96"
	KeyLen  int    // bytes of the key, 0 where no key is used
	ICVLen  int    // bytes of the ICV on the wire
	Checked bool   // the ICV can be computed; false for "none" and "any-N"
}

// Auths is the table of authentication algorithms, the common ones first.
var Auths = []*Auth{
	{Name: "hmac-sha1-96", KeyLen: 20, ICVLen: 12, Checked: true},
}

// AuthByName returns the row with this name, nil if there is none.
func AuthByName(name string) *Auth {
	for _, a := range Auths {
		if a.Name == name {
			return a
		}
	}
	return nil
}
