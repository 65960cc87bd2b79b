// Judge prints what Kubernetes' own readers make of a file, for test/judge/run
// to compare with ours.
//
//	judge yaml FILE     one line of JSON for each document, or "error"
//	judge kubeconfig    the files of KUBECONFIG, merged, paths absolute
//	judge view          the same as `kubectl config view` prints it
//	judge access        what the current context comes to, or "error"
//	judge normal        standard input's JSON, numbers in one form, keys sorted
//	judge selectors N   N lines of a label selector, a tab, and labels as JSON;
//	                    any selector that may be right or wrong, always the same
//	judge match         of each such line: 1, 0, or "error" for the selector
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/tools/clientcmd/api/latest"
	"k8s.io/client-go/transport"
	"sigs.k8s.io/yaml"
)

func complain(err error) {
	fmt.Fprintln(os.Stderr, err)
	fmt.Println("error")
}

// As kubectl's StreamVisitor does it.
func readYAML(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		complain(err)
		return
	}
	var out bytes.Buffer
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var doc runtime.RawExtension
		if err := decoder.Decode(&doc); err == io.EOF {
			break
		} else if err != nil {
			complain(err)
			return
		}
		raw := bytes.TrimSpace(doc.Raw)
		if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
			continue
		}
		// Sorted, integers whole.
		var value any
		reader := json.NewDecoder(bytes.NewReader(raw))
		reader.UseNumber()
		if err := reader.Decode(&value); err != nil {
			complain(err)
			return
		}
		line, err := json.Marshal(value)
		if err != nil {
			complain(err)
			return
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	os.Stdout.Write(out.Bytes())
}

// One form for each number, whichever way it was written.
func normal(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, member := range value {
			value[key] = normal(member)
		}
	case []any:
		for i, member := range value {
			value[i] = normal(member)
		}
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		real, err := value.Float64()
		if err == nil && real == math.Trunc(real) && math.Abs(real) < 1<<63 {
			return int64(real)
		}
		return real
	}
	return value
}

func normalise() {
	text, _ := io.ReadAll(os.Stdin)
	if bytes.Equal(bytes.TrimSpace(text), []byte("error")) {
		fmt.Println("error")
		return
	}
	reader := json.NewDecoder(bytes.NewReader(text))
	reader.UseNumber()
	for {
		var value any
		if err := reader.Decode(&value); err == io.EOF {
			return
		} else if err != nil {
			fmt.Println("not JSON:", err)
			return
		}
		line, _ := json.Marshal(normal(value))
		fmt.Println(string(line))
	}
}

func pick(random *rand.Rand, words ...string) string {
	return words[random.Intn(len(words))]
}

func word(random *rand.Rand) string {
	return pick(random, "a", "a", "b", "b", "c", "x", "in", "notin", "1", "2", "02", "a.b/c", "", "a-b_c.d", "9223372036854775808",
		"-a", "a/", "||", "ä", "+1", "exists", strings.Repeat("a", 63), strings.Repeat("a", 64), "A")
}

func requirement(random *rand.Rand) string {
	key := pick(random, "a", "b", "in", "a.b/c", word(random))
	space := pick(random, "", "", " ", "\r", "  ")
	switch random.Intn(8) {
	case 0:
		return space + key + space
	case 1:
		return space + "!" + space + key
	case 2, 3, 4:
		return key + space + pick(random, "=", "==", "!=", ">", "<", "=!", "===", "!") + space + word(random)
	}
	values := make([]string, random.Intn(4))
	for i := range values {
		values[i] = space + word(random)
	}
	return key + " " + pick(random, "in", "notin", "in", "notin", "inn") + space +
		pick(random, "(", "(", "(", "(", "(", "((", "") + strings.Join(values, pick(random, ",", ",", ",", ",", " ", ",,")) + space +
		pick(random, ")", ")", ")", ")", ")", ")", "", "))", ",)")
}

// Mostly selectors that nearly everybody would write, and some that are broken.
func selectors(count int) {
	random := rand.New(rand.NewSource(1))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for ; count > 0; count-- {
		requirements := make([]string, random.Intn(4))
		for i := range requirements {
			requirements[i] = requirement(random)
		}
		selector := []byte(strings.Join(requirements, pick(random, ",", ",", ",", ",", ", ", " ,", ",,", " ")))
		if len(selector) > 0 && random.Intn(20) == 0 {
			selector[random.Intn(len(selector))] = "=!()<>, abx"[random.Intn(11)]
		}
		set := map[string]string{}
		for i := random.Intn(5); i > 0; i-- {
			set[pick(random, "a", "b", "in", "a.b/c", word(random))] = word(random)
		}
		text, _ := json.Marshal(set)
		fmt.Fprintf(out, "%s\t%s\n", selector, text)
	}
}

func match() {
	lines := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for lines.Scan() {
		text, set, _ := strings.Cut(lines.Text(), "\t")
		var of labels.Set
		if err := json.Unmarshal([]byte(set), &of); err != nil {
			fmt.Fprintln(out, "no labels:", err)
			continue
		}
		answer := "0"
		if selector, err := labels.Parse(text); err != nil {
			answer = "error"
		} else if selector.Matches(of) {
			answer = "1"
		}
		fmt.Fprintf(out, "%s\t%s\n", answer, lines.Text())
	}
}

func load() (*clientcmdapi.Config, error) {
	return clientcmd.NewDefaultClientConfigLoadingRules().Load()
}

func show(config *clientcmdapi.Config, asYAML bool) {
	external, err := latest.Scheme.ConvertToVersion(config, latest.ExternalVersion)
	if err != nil {
		complain(err)
		return
	}
	external.GetObjectKind().SetGroupVersionKind(latest.ExternalVersion.WithKind("Config"))
	text, err := json.Marshal(external)
	if err == nil && asYAML {
		text, err = yaml.JSONToYAML(text)
	}
	if err != nil {
		complain(err)
		return
	}
	os.Stdout.Write(text)
	if !asYAML {
		fmt.Println()
	}
}

func access() error {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	raw, err := rules.Load()
	if err != nil {
		return err
	}
	loaded := clientcmd.NewDefaultClientConfig(*raw, &clientcmd.ConfigOverrides{})
	config, err := loaded.ClientConfig()
	if err != nil {
		return err
	}
	// The checks that client-go makes when it builds the transport.
	if _, err := rest.TransportFor(config); err != nil {
		return err
	}
	if config.ExecProvider != nil || config.AuthProvider != nil {
		return fmt.Errorf("a plugin")
	}
	if err := rest.LoadTLSFiles(config); err != nil {
		return err
	}
	url, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return err
	}
	token := config.BearerToken
	if config.BearerTokenFile != "" {
		if read, err := transport.NewCachedFileTokenSource(config.BearerTokenFile).Token(); err == nil {
			token = read.AccessToken
		}
	}
	namespace, _, err := loaded.Namespace()
	if err != nil {
		return err
	}
	out, err := json.Marshal(map[string]any{
		"server":      strings.TrimRight(url.String(), "/"),
		"https":       rest.IsConfigTransportTLS(*config),
		"ca":          string(config.CAData),
		"cert":        string(config.CertData),
		"key":         string(config.KeyData),
		"insecure":    config.Insecure,
		"server-name": config.ServerName,
		"token":       token,
		"username":    config.Username,
		"password":    config.Password,
		"as":          config.Impersonate.UserName,
		"as-uid":      config.Impersonate.UID,
		"as-groups":   append([]string{}, config.Impersonate.Groups...),
		"no-gzip":     config.DisableCompression,
		"namespace":   namespace,
	})
	if err != nil {
		return err
	}
	fmt.Println(string(out))
	return nil
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "yaml":
		readYAML(os.Args[2])
	case len(os.Args) == 2 && (os.Args[1] == "kubeconfig" || os.Args[1] == "view"):
		config, err := load()
		if err != nil {
			complain(err)
			return
		}
		if os.Args[1] == "view" {
			if err := clientcmdapi.RedactSecrets(config); err != nil {
				complain(err)
				return
			}
			clientcmdapi.ShortenConfig(config)
		}
		show(config, os.Args[1] == "view")
	case len(os.Args) == 2 && os.Args[1] == "normal":
		normalise()
	case len(os.Args) == 2 && os.Args[1] == "access":
		if err := access(); err != nil {
			complain(err)
		}
	case len(os.Args) == 3 && os.Args[1] == "selectors":
		count, _ := strconv.Atoi(os.Args[2])
		selectors(count)
	case len(os.Args) == 2 && os.Args[1] == "match":
		match()
	default:
		fmt.Fprintln(os.Stderr, "usage: judge yaml FILE | kubeconfig | view | access | normal | selectors N | match")
		os.Exit(2)
	}
}
