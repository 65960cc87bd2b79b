#!/bin/bash
# No secret is printed: not by the command line with -v, whatever kind of credential it uses and whatever goes wrong,
# and not by any test of this run: its logs (KSHIM_TEST_LOG, which test/run sets) are searched. What the secrets are
# stands in test/secrets.h, and for a real cluster in its kubeconfig.
set -u
cd "$(dirname "$0")/.." || exit 1
root=$PWD
kubeshim=${KUBESHIM:-build/kubeshim}
kubeshim=$(realpath "$kubeshim")
work=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

sed -n 's/^\t"\(.*\)",.*/\1/p' test/secrets.h >"$work/forms"
secret=$(sed -n 's/^#define SECRET "\(.*\)"/\1/p' test/secrets.h)

# ok NAME: the last command's status decides.
ok() {
	if [ $? = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1"
	fi
}

# clean FILE...: none of them holds a secret. Where one does, it is not repeated here.
clean() {
	local found
	found=$(grep -rlF -f "$work/forms" -- "$@")
	[ -z "$found" ] || { echo "a secret stands in: $found" | sed "s|$work|work|g"; false; }
}

[ "$(wc -l <"$work/forms")" -ge 8 ] && [ -n "$secret" ]
ok 'test/secrets.h can be read'
echo "x $secret y" >"$work/dirty"
! clean "$work/dirty" >/dev/null
ok 'a secret is found where there is one'
rm "$work/dirty"

# ---- The command line.

"${KSHIM_BENCH:-build/bench}/replay" --ca "$work/ca" --pods 3 >"$work/url" 2>"$work/replay.err" &
server=$!
for _ in $(seq 100); do
	grep -q '^url ' "$work/url" && break
	sleep 0.1
done
url=$(sed -n 's/^url //p' "$work/url")
[ -n "$url" ]
ok 'the server runs'

mkdir "$work/out" "$work/in"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=me -keyout "$work/in/key" -out "$work/in/cert" \
	>/dev/null 2>&1
ok 'a client certificate'
echo "$secret-file" >"$work/in/token"
v1=client.authentication.k8s.io/v1
cat >"$work/in/plugin" <<P
#!/bin/sh
case \$1 in
token) echo '{"kind":"ExecCredential","apiVersion":"$v1","status":{"token":"$secret-exec"}}' ;;
pair) cat "$work/in/pair" ;;
torn) echo '{"kind":"ExecCredential","status":{"token":"$secret' ;;
other) echo '{"kind":"ExecCredential","apiVersion":"$secret","status":{"token":"$secret"}}' ;;
fails) echo "$secret"; echo "not logged in" >&2; exit 1 ;;
esac
P
chmod +x "$work/in/plugin"
{
	printf 'kind: ExecCredential\napiVersion: %s\nstatus:\n  clientCertificateData: |\n' "$v1"
	sed 's/^/    /' "$work/in/cert"
	echo '  clientKeyData: |'
	sed 's/^/    /' "$work/in/key"
} >"$work/in/pair"
plugin() {
	echo "exec: {apiVersion: $v1, interactiveMode: Never, command: '$work/in/plugin', args: [$1]}"
}
# {"exp":1}, {"exp":4102444800}
old="e30.eyJleHAiOjF9.$secret" lasting="e30.eyJleHAiOjQxMDI0NDQ4MDB9.$secret"
oidc() {
	echo "auth-provider: {name: oidc, config: {idp-issuer-url: '$url/nothing', client-id: me, client-secret: $secret," \
		"id-token: $1, refresh-token: $secret, extra: $secret," \
		"idp-certificate-authority-data: $(base64 -w0 "$work/ca")}}"
}

# try NAME WORD USER [SERVER]: with that user, -v and `config view`. WORD is in what the call prints to stderr: a header
# that was sent, or why none was.
try() {
	local name=$1 word=$2
	cat >"$work/in/config" <<C
current-context: x
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: '${4:-$url}', certificate-authority: '$work/ca'}}]
users: [{name: u, user: {$3}}]
C
	timeout 60 "$kubeshim" -v --kubeconfig "$work/in/config" --request-timeout 3s get pod web-7d4b9c6f5-0000001 -o name \
		>"$work/out/$name.out" 2>"$work/out/$name.err"
	grep -q -- "$word" "$work/out/$name.err" || { cat "$work/out/$name.err"; false; }
	ok "$name: it is as meant"
	"$kubeshim" config view --kubeconfig "$work/in/config" >"$work/out/$name.view" 2>&1 &&
		grep -q '^users:' "$work/out/$name.view"
	ok "$name: config view"
}

sent='uthorization: \*\*\*'
try token "$sent" "token: $secret-1"
try basic "$sent" "username: me, password: $secret"
try basic-from-its-second-byte "$sent" "username: u, password: $secret"
try basic-from-its-third-byte "$sent" "username: u1, password: $secret"
try token-file "$sent" "tokenFile: '$work/in/token'"
try certificate '^< HTTP/1.1 200' "client-certificate: '$work/in/cert', client-key: '$work/in/key'"
try certificate-data '^< HTTP/1.1 200' \
	"client-certificate-data: $(base64 -w0 "$work/in/cert"), client-key-data: $(base64 -w0 "$work/in/key")"
try key-that-is-none 'client-key-data' "client-certificate-data: $(base64 -w0 "$work/in/cert"), client-key-data: $(echo "$secret" | base64)"
try token-with-a-line-break 'token: holds a line break' "token: \"$secret\\n$secret\""
try two-methods 'one of both must go' "token: $secret, username: me, password: $secret"
try exec "$sent" "$(plugin token)"
try exec-certificate '^< HTTP/1.1 200' "$(plugin pair)"
try exec-torn 'no JSON or YAML' "$(plugin torn)"
try exec-other 'apiVersion is not that' "$(plugin other)"
try exec-fails 'status 1: not logged in' "$(plugin fails)"
try oidc "$sent" "$(oidc "$lasting")"
try oidc-refused 'identity provider' "$(oidc "$old")"
try gcp "$sent" "auth-provider: {name: gcp, config: {access-token: $secret, expiry: '2199-01-01T00:00:00Z'}}"
try gcp-expired 'has expired' "auth-provider: {name: gcp, config: {access-token: $secret, expiry: '2001-01-01T00:00:00Z'}}"
try nobody-there 'onnect' "token: $secret" https://127.0.0.1:1
try in-clear '^> GET ' "token: $secret" "http${url#https}"
! grep -i authorization "$work/out/in-clear.err"
ok 'in-clear: no credential is sent'

clean "$work/out"
ok 'the command line prints no secret'
[ "$(find "$work/out" -size +0 | wc -l)" -ge 40 ]
ok 'it did print something'

# ---- The logs of this run.

logs=${KSHIM_TEST_LOG:-build/test-logs}
if [ -n "${KUBECONFIG:-}" ] && [ -r "$KUBECONFIG" ]; then
	# tokens, and keys by some of their characters, for an indented one is cut into lines
	sed -n 's/.*[^a-zA-Z]token: *"\{0,1\}\([^ ,"}]\{16,\}\).*/\1/p' "$KUBECONFIG" >"$work/real"
	sed -n 's/.*client-key-data: *"\{0,1\}\([^ ,"}]\{200,\}\).*/\1/p' "$KUBECONFIG" | cut -c 100-160 >>"$work/real"
	if [ -s "$work/real" ]; then
		cat "$work/real" >>"$work/forms"
	else
		skipped=$((skipped + 1))
		echo 'skip: KUBECONFIG holds neither tokens nor keys itself, so the logs are not searched for its secrets'
	fi
fi
if [ -d "$logs" ] && [ -n "$(ls "$logs")" ]; then
	clean "$logs"
	ok 'no test printed a secret'
	echo "searched: $(find "$logs" -type f | wc -l) logs, $(du -sk "$logs" | cut -f1) KB, for $(wc -l <"$work/forms") forms of secrets"
else
	skipped=$((skipped + 1))
	echo "skip: there are no logs in ${logs#"$root"/}"
fi
if [ $skipped -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ $failed = 0 ]
