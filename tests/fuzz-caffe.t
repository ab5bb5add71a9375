# shellcheck shell=sh
# The fuzz targets of Caffe's files: the networks of tests/caffe, hostile prototxts, and
# caffemodels of both forms, shortened and changed.
. "$DET_SRC/tests/lib.sh"
n=${DET_FUZZ_CHANGES:-400}
target=${DET_BUILD:-}/tests/fuzz
if [ ! -x "$target/fuzz_prototxt" ]; then
	skip "hostile prototxts" "fuzz_prototxt is not built"
	skip "hostile caffemodels" "fuzz_caffemodel is not built"
	done_testing
fi
for f in "$DET_SRC"/tests/caffe/*.prototxt; do
	ok "$(basename "$f")" "$target/fuzz_prototxt" -n "$n" "$f"
done
in='layer{name:"d" type:"Input" top:"d" input_param{shape{dim:1 dim:3 dim:8 dim:8}}}'
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "a{"; for (i = 0; i < 5000; i++) printf "}" }' >deep
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "a:1 " }' >many
printf '%s layer{name:"s" type:"Split" bottom:"d" top:"d" top:"d"}' "$in" >twice
printf '%s layer{name:"c" type:"Concat" bottom:"d" bottom:"d" top:"d"}' "$in" >same
printf '%s layer{name:"r" type:"Reshape" bottom:"d" top:"r" reshape_param{shape{dim:0 dim:2 dim:-1 dim:0}}}' "$in" >pairs
printf '%s layer{name:"\\303\\012" type:"ReLU" bottom:"d" top:"\\"x"}' "$in" >names
printf 'name: "\\x' >broken
ok "hostile prototxts" "$target/fuzz_prototxt" -n "$n" deep many twice same pairs names broken

zeros() { head -c "$1" /dev/zero; }
# V2, a shape and packed floats; V2, numbers one by one; V2, doubles; V1 with old dims; V0
{
	printf '\242\006\105\012\001c\022\013Convolution\072\042\072\006\012\004\002\003\001\001\052\030'
	zeros 24
	printf '\072\017\072\003\012\001\002\052\010'
	zeros 8
} >v2
printf '\242\006\021\012\001a\072\014\072\002\010\001\055\0\0\200\077\052\0' >single
{
	printf '\242\006\023\012\001a\072\016\072\002\010\001\102\010'
	zeros 8
} >double
{
	printf '\022\032\042\002ip\050\016\062\022\010\001\020\001\030\001\040\002\052\010'
	zeros 8
} >v1
printf '\022\004\012\002\012\0' >v0
ok "hostile caffemodels" "$target/fuzz_caffemodel" -n "$n" v2 single double v1 v0
done_testing
