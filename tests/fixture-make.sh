# shellcheck shell=sh
# Sourced by tests/fixture.sh, in an empty folder: makes the files that it tells of.
awk -f "$DET_SRC/tests/demo/discs.awk" | det-show --build - -o M.det
awk -f "$DET_SRC/tests/demo/scene.awk" >scene.ppm
det-image --source scene.ppm | det-draw --format jpeg -o dog.jpg
rm scene.ppm
det-image -m M.det dog.jpg -o image.det
det-backbone -m M.det image.det -o maps.det
det-head -m M.det maps.det -o raw.det
det-nms -m M.det raw.det -o boxes.det
det-model new --arch tiny_frcnn --seed 1 -o F.det
det-image -m F.det dog.jpg | det-backbone -m F.det -o fmaps.det
det-backbone -m M.det --keep image.det | det-head -m M.det | det-nms -m M.det -o kept.det
cat >tiny.cfg <<'END'
[net]
width=32
height=32
channels=3

[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=21
size=1
stride=1
activation=linear

[yolo]
mask=0,1,2
anchors=4,4, 8,8, 16,16
classes=2
num=3
END
# header 0.2.5 with 64 bits of images seen; 4 x (bias, scale, mean, variance), 108; 21, 84
{
	printf '\0\0\0\0\2\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0'
	head -c $((4 * (16 + 108 + 21 + 84))) /dev/zero
} >tiny.weights
printf 'cat\ndog\n' >tiny.names

printf '%s\n' image,class,x1,y1,x2,y2,width,height dog.jpg,disc,10,20,50,60,640,480 \
	dog.jpg,ring,100,120,180.5,200,640,480 >gt.csv
cat >truth.csv <<'END'
image,class,x1,y1,x2,y2,width,height
dog.jpg,green disc,395,265,446,316,640,480
dog.jpg,blue disc,492,122,549,180,640,480
dog.jpg,blue disc,66,356,116,405,640,480
dog.jpg,red disc,276,377,324,425,640,480
dog.jpg,red disc,90,90,150,150,640,480
dog.jpg,red disc,310,70,351,111,640,480
dog.jpg,green disc,177,229,219,271,640,480
dog.jpg,green disc,500,300,540,340,640,480
END
det-gt --csv truth.csv | det-image -m M.det -o train.det
det-gt --csv truth.csv | det-image -m M.det | det-backbone -m M.det |
	det-head -m M.det | det-nms -m M.det -o both.det
