#compdef l2tpdump
# zsh completion for l2tpdump, as printed by: l2tpdump completion zsh
_l2tpdump() {
	local -a found
	local word what
	while IFS=$'\t' read -r word what; do
		case $word in
		:files) _files ;;
		:folders) _files -/ ;;
		*) found+=("${word//:/\\:}${what:+:$what}") ;;
		esac
	done < <("${(Q)words[1]}" __complete "${(Q@)words[2,CURRENT]}" 2>/dev/null)
	(( $#found )) && _describe l2tpdump found
}
if [ "$funcstack[1]" = _l2tpdump ]; then
	_l2tpdump "$@"
else
	compdef _l2tpdump l2tpdump
fi
