# Completion of outrider for bash: put  eval "$(outrider completion bash)"  into ~/.bashrc
_outrider() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <(outrider completion --words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _outrider outrider
