type Kind = 'a launcher' | 'a shell' | 'an interpreter' | 'a program that runs others'

/** Programs whose arguments are code, or another command line: what would run is judged by nobody. */
const programs = new Map<string, Kind>([
  ...kindOf('a launcher', 'npx uvx uv node nodejs python python3 docker deno'),
  ...kindOf('a shell', 'sh bash rbash dash ash zsh ksh mksh pdksh csh tcsh fish elvish nu nushell xonsh ion yash rc es cmd command powershell pwsh busybox toybox'),
  ...kindOf('an interpreter', `bun perl ruby irb jruby php php-cgi pypy pypy3 cpython graalpy ipython micropython jython lua luajit tclsh wish expect awk gawk mawk nawk sed
    osascript java javaw jshell groovy kotlin scala clojure clj go rscript r julia octave elixir iex erl escript ghci runghc runhaskell ocaml guile racket sbcl clisp swift dotnet
    csi fsi wscript cscript mshta rundll32 regsvr32 msbuild installutil tsx ts-node esno swc-node zx coffee babel-node node-gyp vim vi nvim ex ed emacs gdb lldb make gmake ninja cmake
    just rake gulp grunt ant mvn gradle m4 jq sqlite3 psql mysql wasmtime wasmer`),
  ...kindOf('a program that runs others', `env sudo doas su runuser pkexec run0 gosu su-exec time nice ionice chrt taskset nohup setsid setpriv timeout stdbuf unbuffer script watch xargs
    parallel find fd entr flock chroot fakeroot unshare nsenter bwrap firejail capsh strace ltrace valgrind perf catchsegv ld.so ld-linux ld-linux-x86-64.so ld-linux-aarch64.so tini dumb-init
    catatonit s6-setuidgid start-stop-daemon daemonize systemd-run systemd-nspawn at batch cron crontab run-parts nc ncat netcat socat ssh dropbear rsh telnet screen tmux
    git hg svn curl wget tar zip rsync less more man pager open xdg-open wsl npm pnpm pnpx bunx yarn yarnpkg corepack cross-env cross-env-shell env-cmd dotenv dotenv-cli dotenvx
    nodemon pm2 forever concurrently npm-run-all run-s run-p pip pip3 pipx pipenv poetry pdm hatch rye pixi conda mamba micromamba virtualenv nix nix-shell nix-build guix brew apt apt-get
    dpkg rpm dnf yum apk cargo rustup rustc gem bundle bundler composer podman nerdctl buildah skopeo ctr crictl runc crun kubectl oc helm docker-compose docker-machine lxc machinectl
    vagrant ansible`),
])

function kindOf(kind: Kind, names: string): Array<[string, Kind]> {
  return names.split(/\s+/).map((name) => [name, kind])
}

/** `python3.11` is python, `Node.EXE` is node, `perl5.36-x86_64-linux-gnu` is perl; but r2 is not R. */
export function programKind(name: string): { plain: string; kind: Kind } | null {
  if (name.length > 80) return null
  const bare = name.toLowerCase().replace(/\.(?:exe|cmd|bat|com|ps1)$/, '')
  const versioned = bare.replace(/-(?:x86_64|aarch64|arm|i[3-6]86)[\w-]*$/, '')
  const unversioned = versioned.replace(/[._-]?\d[\d._]*$/, '')
  const plain = [bare, versioned, ...unversioned.length > 2 ? [unversioned] : []].find((text) => programs.has(text))
  return plain === undefined ? null : { plain, kind: programs.get(plain)! }
}
