#compdef outrider
# Completion of outrider for zsh: put  eval "$(outrider completion zsh)"  behind compinit in ~/.zshrc
_outrider() {
  local -a found
  found=("${(@f)$(outrider completion --words -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(${found:#})
  if ((${#found})); then compadd -a found; else _files; fi
}
if [[ ${funcstack[1]} == _outrider ]]; then _outrider "$@"; else compdef _outrider outrider; fi
