define internal void @pack_row(ptr %to, ptr %from, i64 %step, i64 %position, ptr %tables, i1 %valid, i32 %fill0) #0 {
entry:
  br i1 %valid, label %done.2, label %else.1
else.1:
  br label %loop.3
loop.3:
  %v5 = phi i64 [ 0, %else.1 ], [ %v8, %loop.3 ]
  %v6 = mul i64 %v5, 4
  %v7 = getelementptr i8, ptr %to, i64 %v6
  store i32 %fill0, ptr %v7, align 4
  %v8 = add i64 %v5, 1
  %v9 = icmp slt i64 %v8, 50
  br i1 %v9, label %loop.3, label %done.4
done.4:
  br label %done.2
done.2:
  br i1 %valid, label %then.10, label %done.11
then.10:
  %v12 = icmp eq i64 %step, 1
  br i1 %v12, label %done.14, label %else.13
else.13:
  br label %loop.15
loop.15:
  %v17 = phi i64 [ 0, %else.13 ], [ %v24, %loop.15 ]
  %v18 = mul i64 %v17, %step
  %v19 = getelementptr i8, ptr %from, i64 %v18
  %v20 = load i8, ptr %v19, align 1
  %v21 = zext i8 %v20 to i32
  %v22 = mul i64 %v17, 4
  %v23 = getelementptr i8, ptr %to, i64 %v22
  store i32 %v21, ptr %v23, align 4
  %v24 = add i64 %v17, 1
  %v25 = icmp slt i64 %v24, 50
  br i1 %v25, label %loop.15, label %done.16
done.16:
  br label %done.14
done.14:
  br i1 %v12, label %then.26, label %done.27
then.26:
  br label %loop.28
loop.28:
  %v30 = phi i64 [ 0, %then.26 ], [ %v37, %loop.28 ]
  %v31 = call i64 @llvm.smin.i64(i64 %v30, i64 46)
  %v32 = getelementptr i8, ptr %from, i64 %v31
  %v33 = load <4 x i8>, ptr %v32, align 1
  %v34 = zext <4 x i8> %v33 to <4 x i32>
  %v35 = mul i64 %v31, 4
  %v36 = getelementptr i8, ptr %to, i64 %v35
  store <4 x i32> %v34, ptr %v36, align 4
  %v37 = add i64 %v30, 4
  %v38 = icmp slt i64 %v37, 50
  br i1 %v38, label %loop.28, label %done.29
done.29:
  br label %done.27
done.27:
  br label %done.11
done.11:
  ret void
}
define internal i64 @tile(ptr %image, ptr %kernel, ptr %bias, ptr %out) #0 {
entry:
  %v1 = load <4 x i32>, ptr %image, align 4
  %v2 = getelementptr i8, ptr %image, i64 16
  %v3 = load <4 x i32>, ptr %v2, align 4
  %v4 = load i32, ptr %kernel, align 4
  %v5 = insertelement <4 x i32> poison, i32 %v4, i64 0
  %v6 = shufflevector <4 x i32> %v5, <4 x i32> poison, <4 x i32> zeroinitializer
  %v7 = mul <4 x i32> %v1, %v6
  %v8 = add <4 x i32> %v7, splat (i32 0)
  %v9 = mul <4 x i32> %v3, %v6
  %v10 = add <4 x i32> %v9, splat (i32 0)
  %v11 = getelementptr i8, ptr %image, i64 4
  %v12 = getelementptr i8, ptr %kernel, i64 4
  %v13 = load <4 x i32>, ptr %v11, align 4
  %v14 = getelementptr i8, ptr %v11, i64 16
  %v15 = load <4 x i32>, ptr %v14, align 4
  %v16 = load i32, ptr %v12, align 4
  %v17 = insertelement <4 x i32> poison, i32 %v16, i64 0
  %v18 = shufflevector <4 x i32> %v17, <4 x i32> poison, <4 x i32> zeroinitializer
  %v19 = mul <4 x i32> %v13, %v18
  %v20 = add <4 x i32> %v19, %v8
  %v21 = mul <4 x i32> %v15, %v18
  %v22 = add <4 x i32> %v21, %v10
  %v23 = getelementptr i8, ptr %image, i64 8
  %v24 = getelementptr i8, ptr %kernel, i64 8
  %v25 = load <4 x i32>, ptr %v23, align 4
  %v26 = getelementptr i8, ptr %v23, i64 16
  %v27 = load <4 x i32>, ptr %v26, align 4
  %v28 = load i32, ptr %v24, align 4
  %v29 = insertelement <4 x i32> poison, i32 %v28, i64 0
  %v30 = shufflevector <4 x i32> %v29, <4 x i32> poison, <4 x i32> zeroinitializer
  %v31 = mul <4 x i32> %v25, %v30
  %v32 = add <4 x i32> %v31, %v20
  %v33 = mul <4 x i32> %v27, %v30
  %v34 = add <4 x i32> %v33, %v22
  %v35 = getelementptr i8, ptr %image, i64 12
  %v36 = getelementptr i8, ptr %kernel, i64 12
  %v37 = load <4 x i32>, ptr %v35, align 4
  %v38 = getelementptr i8, ptr %v35, i64 16
  %v39 = load <4 x i32>, ptr %v38, align 4
  %v40 = load i32, ptr %v36, align 4
  %v41 = insertelement <4 x i32> poison, i32 %v40, i64 0
  %v42 = shufflevector <4 x i32> %v41, <4 x i32> poison, <4 x i32> zeroinitializer
  %v43 = mul <4 x i32> %v37, %v42
  %v44 = add <4 x i32> %v43, %v32
  %v45 = mul <4 x i32> %v39, %v42
  %v46 = add <4 x i32> %v45, %v34
  %v47 = getelementptr i8, ptr %image, i64 16
  %v48 = getelementptr i8, ptr %kernel, i64 16
  %v49 = load <4 x i32>, ptr %v47, align 4
  %v50 = getelementptr i8, ptr %v47, i64 16
  %v51 = load <4 x i32>, ptr %v50, align 4
  %v52 = load i32, ptr %v48, align 4
  %v53 = insertelement <4 x i32> poison, i32 %v52, i64 0
  %v54 = shufflevector <4 x i32> %v53, <4 x i32> poison, <4 x i32> zeroinitializer
  %v55 = mul <4 x i32> %v49, %v54
  %v56 = add <4 x i32> %v55, %v44
  %v57 = mul <4 x i32> %v51, %v54
  %v58 = add <4 x i32> %v57, %v46
  %v59 = getelementptr i8, ptr %kernel, i64 20
  %v60 = getelementptr i8, ptr %image, i64 208
  %v61 = call <4 x i32> @llvm.smax.v4i32(<4 x i32> %v56, <4 x i32> splat (i32 0))
  %v62 = call <4 x i32> @llvm.smin.v4i32(<4 x i32> %v61, <4 x i32> splat (i32 255))
  %v63 = trunc <4 x i32> %v62 to <4 x i8>
  store <4 x i8> %v63, ptr %out, align 1
  %v64 = getelementptr i8, ptr %out, i64 4
  %v65 = call <4 x i32> @llvm.smax.v4i32(<4 x i32> %v58, <4 x i32> splat (i32 0))
  %v66 = call <4 x i32> @llvm.smin.v4i32(<4 x i32> %v65, <4 x i32> splat (i32 255))
  %v67 = trunc <4 x i32> %v66 to <4 x i8>
  store <4 x i8> %v67, ptr %v64, align 1
  ret i64 0
}
define internal void @work(ptr %context, i64 %item, i64 %slot) #0 {
entry:
  %v1 = load ptr, ptr %context, align 8
  %v2 = getelementptr i8, ptr %context, i64 8
  %v3 = load ptr, ptr %v2, align 8
  %v4 = getelementptr i8, ptr %context, i64 56
  %v5 = load i64, ptr %v4, align 8
  %v6 = getelementptr i8, ptr %context, i64 40
  %v7 = load ptr, ptr %v6, align 8
  %v8 = mul i64 %slot, 256
  %v9 = getelementptr i8, ptr %v7, i64 %v8
  %v10 = getelementptr i8, ptr %context, i64 72
  %v11 = load i64, ptr %v10, align 8
  %v12 = getelementptr i8, ptr %context, i64 80
  %v13 = load i64, ptr %v12, align 8
  %v14 = getelementptr i8, ptr %context, i64 64
  %v15 = load i64, ptr %v14, align 8
  %v16 = getelementptr i8, ptr %context, i64 32
  %v17 = load ptr, ptr %v16, align 8
  br label %loop.18
loop.18:
  %v20 = phi i64 [ 0, %entry ], [ %v34, %done.26 ]
  %v21 = mul i64 %v20, %v15
  %v22 = getelementptr i8, ptr %v1, i64 %v21
  %v23 = mul i64 %v20, 208
  %v24 = getelementptr i8, ptr %v9, i64 %v23
  br label %loop.25
loop.25:
  %v27 = phi i64 [ 0, %loop.18 ], [ %v32, %loop.25 ]
  %v28 = mul i64 %v27, 208
  %v29 = getelementptr i8, ptr %v24, i64 %v28
  %v30 = mul i64 %v27, %v11
  %v31 = getelementptr i8, ptr %v22, i64 %v30
  call void @pack_row(ptr %v29, ptr %v31, i64 %v13, i64 0, ptr %v17, i1 true, i32 0)
  %v32 = add i64 %v27, 1
  %v33 = icmp slt i64 %v32, 1
  br i1 %v33, label %loop.25, label %done.26
done.26:
  %v34 = add i64 %v20, 1
  %v35 = icmp slt i64 %v34, 1
  br i1 %v35, label %loop.18, label %done.19
done.19:
  br label %loop.36
loop.36:
  %v38 = phi i64 [ 0, %done.19 ], [ %v67, %done.49 ]
  %v39 = call i64 @llvm.smin.i64(i64 %v38, i64 0)
  %v40 = getelementptr i8, ptr %context, i64 16
  %v41 = load ptr, ptr %v40, align 8
  %v42 = mul i64 %v38, 20
  %v43 = getelementptr i8, ptr %v41, i64 %v42
  %v44 = getelementptr i8, ptr %context, i64 24
  %v45 = load ptr, ptr %v44, align 8
  %v46 = mul i64 %v39, 46
  %v47 = getelementptr i8, ptr %v3, i64 %v46
  br label %loop.48
loop.48:
  %v50 = phi i64 [ 0, %loop.36 ], [ %v65, %done.55 ]
  %v51 = call i64 @llvm.smin.i64(i64 %v50, i64 0)
  %v52 = mul i64 %v51, 208
  %v53 = getelementptr i8, ptr %v9, i64 %v52
  br label %loop.54
loop.54:
  %v56 = phi i64 [ 0, %loop.48 ], [ %v63, %loop.54 ]
  %v57 = mul i64 %v56, 8
  %v58 = call i64 @llvm.smin.i64(i64 %v57, i64 38)
  %v59 = mul i64 %v58, 4
  %v60 = getelementptr i8, ptr %v53, i64 %v59
  %v61 = getelementptr i8, ptr %v47, i64 %v58
  %v62 = call i64 @tile(ptr %v60, ptr %v43, ptr %v45, ptr %v61)
  %v63 = add i64 %v56, 1
  %v64 = icmp slt i64 %v63, 6
  br i1 %v64, label %loop.54, label %done.55
done.55:
  %v65 = add i64 %v50, 1
  %v66 = icmp slt i64 %v65, 1
  br i1 %v66, label %loop.48, label %done.49
done.49:
  %v67 = add i64 %v38, 1
  %v68 = icmp slt i64 %v67, 1
  br i1 %v68, label %loop.36, label %done.37
done.37:
  ret void
}
define i64 @entry(ptr %image, ptr %out, ptr %kernel, ptr %bias, ptr %tables, ptr %scratch, ptr %pool, ptr %run, i64 %participants) #0 {
entry:
  %v1 = alloca [128 x i8], align 64
  %v2 = getelementptr i8, ptr %image, i64 16
  %v3 = load ptr, ptr %v2, align 8
  %v4 = getelementptr i8, ptr %out, i64 16
  %v5 = load ptr, ptr %v4, align 8
  %v6 = getelementptr i8, ptr %kernel, i64 16
  %v7 = load ptr, ptr %v6, align 8
  %v8 = getelementptr i8, ptr %bias, i64 16
  %v9 = load ptr, ptr %v8, align 8
  store ptr %v3, ptr %v1, align 8
  %v10 = getelementptr i8, ptr %v1, i64 8
  store ptr %v5, ptr %v10, align 8
  %v11 = getelementptr i8, ptr %v1, i64 16
  store ptr %v7, ptr %v11, align 8
  %v12 = getelementptr i8, ptr %v1, i64 24
  store ptr %v9, ptr %v12, align 8
  %v13 = getelementptr i8, ptr %v1, i64 32
  store ptr %tables, ptr %v13, align 8
  %v14 = getelementptr i8, ptr %v1, i64 40
  store ptr %scratch, ptr %v14, align 8
  %v15 = getelementptr i8, ptr %v1, i64 48
  store i64 0, ptr %v15, align 8
  %v16 = getelementptr i8, ptr %image, i64 40
  %v17 = load ptr, ptr %v16, align 8
  %v18 = load i64, ptr %v17, align 8
  %v19 = getelementptr i8, ptr %v1, i64 56
  store i64 %v18, ptr %v19, align 8
  %v20 = getelementptr i8, ptr %v17, i64 8
  %v21 = load i64, ptr %v20, align 8
  %v22 = getelementptr i8, ptr %v1, i64 64
  store i64 %v21, ptr %v22, align 8
  %v23 = getelementptr i8, ptr %v1, i64 72
  store i64 0, ptr %v23, align 8
  %v24 = getelementptr i8, ptr %v17, i64 16
  %v25 = load i64, ptr %v24, align 8
  %v26 = getelementptr i8, ptr %v1, i64 80
  store i64 %v25, ptr %v26, align 8
  %v27 = icmp slt i64 %participants, 2
  br i1 %v27, label %then.28, label %done.29
then.28:
  br label %loop.30
loop.30:
  %v32 = phi i64 [ 0, %then.28 ], [ %v33, %loop.30 ]
  call void @work(ptr %v1, i64 %v32, i64 0)
  %v33 = add i64 %v32, 1
  %v34 = icmp slt i64 %v33, 1
  br i1 %v34, label %loop.30, label %done.31
done.31:
  br label %done.29
done.29:
  br i1 %v27, label %done.36, label %else.35
else.35:
  call void %run(ptr %pool, ptr @work, ptr %v1, i64 1, i64 %participants)
  br label %done.36
done.36:
  %v37 = getelementptr i8, ptr %v1, i64 48
  %v38 = load i64, ptr %v37, align 8
  ret i64 %v38
}
declare <4 x i32> @llvm.smax.v4i32(<4 x i32>, <4 x i32>)
declare <4 x i32> @llvm.smin.v4i32(<4 x i32>, <4 x i32>)
declare i64 @llvm.smin.i64(i64, i64)
attributes #0 = { nounwind "min-legal-vector-width"="512" "frame-pointer"="none" }
