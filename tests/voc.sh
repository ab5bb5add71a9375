# shellcheck shell=sh
# Sourced by the tests of lib/recipes' experiments.

# voc SIZE JUDGED: a data set as VOC has it, in the folder voc: six pictures of that size with
# discs and rings, all to learn from, the first JUDGED of them as the split `test`.
voc() {
	det-scene -q -d set -f voc --pictures jpeg --count 6 --size "$1" --only disc,ring
	mkdir -p voc/JPEGImages voc/Annotations voc/ImageSets/Main
	mv set/*.jpg voc/JPEGImages
	mv set/*.xml voc/Annotations
	for x in voc/Annotations/*.xml; do
		basename "$x" .xml
	done >voc/ImageSets/Main/trainval.txt
	head -n "$2" voc/ImageSets/Main/trainval.txt >voc/ImageSets/Main/test.txt
}
