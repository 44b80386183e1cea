# bash completion for l2tpdump, as printed by: l2tpdump completion bash
_l2tpdump() {
	local IFS=$'\n' cur=${COMP_WORDS[COMP_CWORD]} word what
	[ "$cur" != = ] || cur=
	COMPREPLY=()
	while IFS=$'\t' read -r word what; do
		case $word in
		:files) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$cur")) ;;
		:folders) compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -d -- "$cur")) ;;
		*) COMPREPLY+=("$word") ;;
		esac
	done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _l2tpdump l2tpdump
