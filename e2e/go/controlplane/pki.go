package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime is short on purpose: these certificates belong to one cluster on one machine.
const lifetime = 90 * 24 * time.Hour

// runPKI writes into the folder named by its argument: ca.crt, tls.crt and tls.key (one certificate for every server
// on the loopback address), sa.key and sa.pub (service account tokens). The authority's own key is thrown away:
// nothing else is ever signed by it. Here and not by openssl, which a new machine may not have.
func runPKI(context.Context) {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: pki FOLDER")
		os.Exit(2)
	}
	if err := writePKI(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "pki:", err)
		os.Exit(1)
	}
}

func writePKI(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	if err := writeServing(folder); err != nil {
		return err
	}
	return writeServiceAccountKeys(folder)
}

func writeServing(folder string) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := certificate("modelmatrix local cluster")
	authority.IsCA, authority.BasicConstraintsValid = true, true
	authority.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return err
	}

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serving := certificate("127.0.0.1")
	serving.KeyUsage = x509.KeyUsageDigitalSignature
	serving.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serving.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	serving.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	servingDER, err := x509.CreateCertificate(rand.Reader, serving, authority, &key.PublicKey, authorityKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writeAll(folder, []block{
		{"ca.crt", "CERTIFICATE", authorityDER},
		{"tls.crt", "CERTIFICATE", servingDER},
		{"tls.key", "EC PRIVATE KEY", keyDER},
	})
}

func certificate(commonName string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the kernel has no randomness: nothing sensible can follow
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(lifetime),
	}
}

func writeServiceAccountKeys(folder string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	return writeAll(folder, []block{
		{"sa.key", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)},
		{"sa.pub", "PUBLIC KEY", public},
	})
}

type block struct {
	name, kind string
	der        []byte
}

func writeAll(folder string, blocks []block) error {
	for _, b := range blocks {
		content := pem.EncodeToMemory(&pem.Block{Type: b.kind, Bytes: b.der})
		if err := os.WriteFile(filepath.Join(folder, b.name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
