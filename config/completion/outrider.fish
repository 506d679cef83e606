# Completion of outrider for fish: outrider completion fish > ~/.config/fish/completions/outrider.fish
function __outrider_words
    set -l words (commandline -opc)
    set -l found (outrider completion --words -- $words[2..-1] (commandline -ct) 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c outrider -f -a '(__outrider_words)'
