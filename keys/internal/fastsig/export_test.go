package fastsig

// Prepared reports whether signatures of the key are verified here and not by the standard library.
func (k *RSA) Prepared() bool { return k.modulus != nil }
