# shellcheck shell=sh
# For scripts: the line of apt's sources for this Debian's suite of backports, from wherever the machine gets its release;
# nothing where that is not known.
backports() (
    # shellcheck disable=SC1091 # it is the system's
    . /etc/os-release
    # shellcheck disable=SC2016 # apt-get's variable
    site=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' "Codename: ${VERSION_CODENAME-}" | head -n 1)
    [ -z "$site" ] || echo "deb $site ${VERSION_CODENAME-}-backports main"
)
