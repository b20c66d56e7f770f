type Kind = 'a launcher' | 'a shell' | 'an interpreter' | 'a program that runs others'

export interface Program {
  /** Its name without version, build and platform. */
  plain: string
  kind: Kind
}

/** Programs whose arguments are code, or another command line: what would run is judged by nobody. */
const programs = new Map<string, Kind>([
  ...kindOf('a launcher', 'npx uvx uv node nodejs python python3 docker deno'),
  ...kindOf('a shell', 'sh bash rbash dash ash zsh ksh mksh pdksh csh tcsh fish elvish nu nushell xonsh ion yash rc es cmd command powershell pwsh busybox toybox shx'),
  ...kindOf('an interpreter', `bun perl ruby irb jruby php php-cgi pypy pypy3 cpython graalpy pyodide ipython bpython ptpython micropython circuitpython jython pythonw idle lua luajit texlua luatex tclsh wish
    expect awk gawk mawk nawk sed osascript java javaw jshell groovy kotlin scala clojure clj go rscript r julia octave elixir iex erl escript ghci runghc runhaskell ocaml guile racket sbcl clisp
    swift dotnet csi fsi wscript cscript mshta rundll32 regsvr32 msbuild installutil tsx ts-node ts-node-dev tsimp tsm esno esr swc-node sucrase-node vite-node jiti zx coffee babel-node node-gyp qjs
    hermes gjs vim vi nvim ex ed emacs gdb lldb make gmake ninja cmake just rake gulp grunt ant mvn gradle m4 jq sqlite3 psql mysql wasmtime wasmer jupyter`),
  ...kindOf('a program that runs others', `env sudo doas su sg runuser pkexec run0 gosu su-exec time nice ionice chrt taskset nohup setsid setpriv setarch timeout stdbuf unbuffer script watch
    watchexec xargs parallel find fd entr flock chroot fakeroot fakechroot proot unshare nsenter bwrap firejail capsh prlimit numactl cgexec strace ltrace rr valgrind perf hyperfine catchsegv tini
    dumb-init catatonit s6-setuidgid setuidgid envdir chpst softlimit start-stop-daemon daemonize systemd-run systemd-nspawn systemd-inhibit dbus-run-session dbus-launch xvfb-run xinit caffeinate
    rlwrap faketime eatmydata cpulimit proxychains torify torsocks tsocks sshpass autossh ssh-agent docker-entrypoint docker-entrypoint.sh qemu at batch cron crontab run-parts nc ncat netcat socat
    ssh dropbear rsh telnet screen tmux git hg svn curl wget tar zip rsync less more man pager open xdg-open wsl npm pnpm pnpx bunx yarn yarnpkg corepack cross-env cross-env-shell env-cmd dotenv
    dotenv-cli dotenvx op doppler aws-vault saml2aws infisical chamber envchain envconsul summon teller mise asdf direnv volta fnm nvm nodenv pyenv rbenv devbox devenv nodemon node-dev pm2 forever
    concurrently onchange npm-run-all run-s run-p pip pipx pipenv poetry pdm hatch rye pixi conda mamba micromamba virtualenv tox nox nix nix-shell nix-build guix brew apt apt-get dpkg rpm dnf yum
    apk cargo rustup rustc gem bundle bundler composer podman nerdctl buildah skopeo ctr crictl runc crun kubectl oc helm docker-compose docker-machine lxc machinectl vagrant ansible`),
])

/** Of the GNU tools, which other systems install as `gxargs`. */
const gnuTools = ['env', 'xargs', 'timeout', 'nice', 'nohup', 'stdbuf', 'time', 'chroot', 'find', 'sed', 'tar', 'parallel']
/** Loaders of the C libraries, which run the program that they are given: `ld-2.31.so`, `ld-musl-x86_64.so.1`, `ld64.so.2`. */
const loader = /^ld\d*[.-](?:.*[.-])?so(?:\.\d+)*$/
/** What may follow the name of a program: the kind of build, a version with the letters of Python's builds, a platform. */
const tails = [
  /[._-](?:static|dbg|debug|preview|stable|nightly|unstable|canary|lts|real|orig|distrib|wrapped|bin)$/,
  /[._-]?v?\d[\d._]*(?:(?:a|b|rc|p)\d{1,3})?[dmtuw]{0,2}$/,
  /-(?:x86_64|x86-64|x64|x86|amd64|aarch64|arm64|armv\d\w*|arm|i[3-6]86|ia32|intel64|universal2?|riscv64|ppc64(?:le|el)?|s390x|loong64|mips\w*)(?:-[\w-]*)?$/,
  /-(?:linux|darwin|macos|win32|windows|win|freebsd|alpine|android)(?:-?(?:gnu|musl|msvc|glibc))?$/,
]

function kindOf(kind: Kind, names: string): Array<[string, Kind]> {
  return names.split(/\s+/).map((name) => [name, kind])
}

/** `python3.13t` is python, `Node.EXE` is node, `bash.static` is bash, `perl5.36-x86_64-linux-gnu` is perl, `gxargs` is xargs; but r2 is not R. */
export function programKind(name: string): Program | null {
  if (name.length > 80) return null
  const bare = name.toLowerCase().replace(/\.(?:exe|cmd|bat|com|ps1)$/, '')
  if (loader.test(bare)) return { plain: 'ld.so', kind: 'a program that runs others' }
  if (bare.startsWith('qemu-')) return { plain: 'qemu', kind: 'a program that runs others' }
  return [bare, ...gnuTools.includes(bare.slice(1)) && bare.startsWith('g') ? [bare.slice(1)] : []].map((text) => knownIn(text, 5)).find((found) => found !== null) ?? null
}

/** The name itself, or what is left of it without one of its tails, and so on. */
function knownIn(text: string, deepest: number): Program | null {
  const kind = programs.get(text)
  if (kind !== undefined) return { plain: text, kind }
  if (deepest === 0) return null
  return tails.map((tail) => text.replace(tail, '')).filter((rest) => rest !== text && rest.length > 2).map((rest) => knownIn(rest, deepest - 1)).find((found) => found !== null) ?? null
}

/**
 * The program that a package of npm or Python brings: `@babel/node`, `deno-bin`, `@oven/bun-linux-x64`. A scope's own `@acme/git` is nobody's git, while
 * an interpreter is one whoever packages it.
 */
export function packagedProgram(name: string): Program | null {
  const program = programKind(name.slice(name.lastIndexOf('/') + 1))
  return name.startsWith('@') && program?.kind === 'a program that runs others' ? null : program
}
